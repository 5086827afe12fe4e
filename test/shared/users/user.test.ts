import { describe, expect, it } from 'vitest'
import { type Identity, maySignUp } from '../../../shared/users/user.ts'

const ada: Identity = {
  provider: 'google',
  subject: '1815',
  email: 'Ada@Example.com',
  emailVerified: true,
  name: 'Ada',
  image: null,
}

describe('security rule 3: who may sign up', () => {
  it('closed lets nobody in, listed or not', () => {
    expect(maySignUp('closed', ['ada@example.com', 'google:1815'], ada)).toBe(false)
  })

  it('open lets everybody in, also without a verified address', () => {
    expect(maySignUp('open', [], { ...ada, email: null, emailVerified: false })).toBe(true)
  })

  it('a list takes a verified address in any case of letters', () => {
    expect(maySignUp('allow-list', ['ADA@example.com'], ada)).toBe(true)
    expect(maySignUp('allow-list', ['ada@example.org'], ada)).toBe(false)
    expect(maySignUp('allow-list', ['example.com', '@example.com', '*', ''], ada)).toBe(false)
    expect(maySignUp('allow-list', [], ada)).toBe(false)
  })

  it('an address that the provider did not verify proves nothing', () => {
    expect(maySignUp('allow-list', ['ada@example.com'], { ...ada, emailVerified: false })).toBe(
      false,
    )
  })

  it('a list takes a subject at its provider, whatever the address', () => {
    const moved = { ...ada, email: 'other@example.com', emailVerified: false }
    expect(maySignUp('allow-list', ['google:1815'], moved)).toBe(true)
  })

  it('a subject of another provider, or none, lets nobody in', () => {
    for (const entry of ['1815', 'dropbox:1815', 'google:181', 'google:']) {
      expect(maySignUp('allow-list', [entry], ada), entry).toBe(false)
    }
  })

  it('somebody without an address is not whom an empty entry means', () => {
    const nobody = { ...ada, email: null, emailVerified: true, subject: '' }
    expect(maySignUp('allow-list', ['', 'null', 'undefined'], nobody)).toBe(false)
  })
})
