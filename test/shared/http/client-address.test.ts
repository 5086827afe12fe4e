import { expect, test } from 'vitest'
import { clientAddress } from '../../../shared/http/client-address.ts'

test.each([
  ['198.51.100.10:46532', '198.51.100.10'],
  ['2001:db8:85a3:1:0:8a2e:370:7334:46532', '2001:db8:85a3:1::/64'],
  ['2001:db8:85a3:1::7334:46532', '2001:db8:85a3:1::/64'],
  ['2001:DB8::1:46532', '2001:db8:0:0::/64'],
  ['[2001:db8::1]:46532', '2001:db8:0:0::/64'],
  ['::1:46532', '0:0:0:0::/64'],
])('%s is %s', (header, address) => {
  expect(clientAddress({ headers: { 'cloudfront-viewer-address': header } })).toBe(address)
})

test('what a client sends itself is not looked at', () => {
  const headers = { 'x-forwarded-for': '203.0.113.1', forwarded: 'for=203.0.113.1' }

  expect(clientAddress({ headers })).toBe('unknown')
})
