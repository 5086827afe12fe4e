import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createCertificate } from '../../../infra/local/providers/certificate.ts'

const VALIDITY = { notBefore: new Date('2020-01-01Z'), notAfter: new Date('2099-12-31T23:59:59Z') }

const KEYS = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
}

describe.each(Object.entries(KEYS))('a certificate signed by a key of %s', (_type, newKeys) => {
  it('is read, names its hosts and is vouched for by its authority alone', () => {
    const [root, leaf, stranger] = [newKeys(), newKeys(), newKeys()]
    const issuer = { issuer: 'The authority', issuerKey: root.privateKey }
    const authority = new X509Certificate(
      createCertificate({
        ...VALIDITY,
        ...issuer,
        subject: 'The authority',
        publicKey: root.publicKey,
        isAuthority: true,
      }),
    )
    const certificate = new X509Certificate(
      createCertificate({
        ...VALIDITY,
        ...issuer,
        subject: 'www.example.com',
        publicKey: leaf.publicKey,
        dnsNames: ['www.example.com', 'api.example.com'],
      }),
    )

    expect([authority.ca, certificate.ca]).toEqual([true, false])
    expect(certificate.checkIssued(authority)).toBe(true)
    expect(certificate.verify(root.publicKey)).toBe(true)
    expect(certificate.verify(stranger.publicKey)).toBe(false)
    expect(certificate.checkPrivateKey(leaf.privateKey)).toBe(true)
    expect(certificate.subjectAltName).toBe('DNS:www.example.com, DNS:api.example.com')
    expect(certificate.checkHost('other.example.com')).toBeUndefined()
    expect(new Date(certificate.validFrom)).toEqual(VALIDITY.notBefore)
    expect(new Date(certificate.validTo)).toEqual(VALIDITY.notAfter)
    expect(certificate.serialNumber).not.toBe(authority.serialNumber)
  })
})

it('refuses a key that signs in another way', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const request = { subject: 'a', issuer: 'a', publicKey, issuerKey: privateKey, ...VALIDITY }

  expect(() => createCertificate(request)).toThrow('ed25519')
})
