import { describe, expect, it } from 'vitest'
import { generateSecretString } from '../../../infra/local/secrets/generate-secret.ts'

describe('GenerateSecretString', () => {
  it('makes 32 characters with at least one of every type', () => {
    for (let round = 0; round < 50; round += 1) {
      const password = generateSecretString({})
      expect(password).toHaveLength(32)
      expect(password).toMatch(/[a-z]/)
      expect(password).toMatch(/[A-Z]/)
      expect(password).toMatch(/[0-9]/)
      expect(password).toMatch(/[^a-zA-Z0-9]/)
      expect(password).not.toContain(' ')
    }
  })

  it('leaves out what is excluded', () => {
    const password = generateSecretString({
      PasswordLength: 500,
      ExcludePunctuation: true,
      ExcludeUppercase: true,
      ExcludeCharacters: 'abc012',
    })

    expect(password).toMatch(/^[d-z3-9]{500}$/)
    expect(generateSecretString({ PasswordLength: 900, IncludeSpace: true })).toContain(' ')
  })

  it('puts the password into the template under its key', () => {
    const text = generateSecretString({
      SecretStringTemplate: '{"currentKeyId":"k1"}',
      GenerateStringKey: 'k1',
      ExcludePunctuation: true,
      PasswordLength: 64,
    })

    expect(JSON.parse(text)).toEqual({
      currentKeyId: 'k1',
      k1: expect.stringMatching(/^[a-zA-Z0-9]{64}$/),
    })
  })

  it('makes another one each time', () => {
    expect(generateSecretString({})).not.toBe(generateSecretString({}))
  })

  it('refuses rules that cannot be kept', () => {
    expect(() => generateSecretString({ PasswordLength: 3 })).toThrow(RangeError)
    expect(() => generateSecretString({ GenerateStringKey: 'k' })).toThrow(RangeError)
    expect(() =>
      generateSecretString({
        ExcludeLowercase: true,
        ExcludeUppercase: true,
        ExcludeNumbers: true,
        ExcludePunctuation: true,
      }),
    ).toThrow(RangeError)
  })
})
