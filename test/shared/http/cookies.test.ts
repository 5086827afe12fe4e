import { describe, expect, it } from 'vitest'
import { readCookie, setCookie } from '../../../shared/http/cookies.ts'

const HTTPS = 'https://files.example.com'
const LOOPBACK = 'http://127.0.0.1:4400'

describe('security rule 4: cookies', () => {
  it('on https are bound to this very host and never travel in the clear', () => {
    const cookie = setCookie('portage_session', 'v', { origin: HTTPS, maxAgeSeconds: 60 })

    expect(cookie.split('; ')).toEqual([
      '__Host-portage_session=v',
      'Max-Age=60',
      'Path=/',
      'HttpOnly',
      'SameSite=Lax',
      'Secure',
    ])
  })

  it('on plain loopback have every other attribute', () => {
    const cookie = setCookie('portage_session', 'v', { origin: LOOPBACK, maxAgeSeconds: 60 })

    expect(cookie.split('; ')).toEqual([
      'portage_session=v',
      'Max-Age=60',
      'Path=/',
      'HttpOnly',
      'SameSite=Lax',
    ])
  })

  it('on https a cookie without the prefix, which a subdomain could plant, is not read', () => {
    const planted = [
      'portage_session=evil',
      '__Host-portage_sessions=evil',
      'x__Host-portage_session=evil',
    ]
    expect(readCookie(planted, 'portage_session', HTTPS)).toBeUndefined()
    expect(readCookie([...planted, '__Host-portage_session=v'], 'portage_session', HTTPS)).toBe('v')
  })

  it('of another name are not read', () => {
    expect(readCookie(['portage_session=v'], 'portage_oauth', LOOPBACK)).toBeUndefined()
    expect(readCookie(undefined, 'portage_session', LOOPBACK)).toBeUndefined()
  })
})
