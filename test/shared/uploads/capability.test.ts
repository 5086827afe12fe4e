import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ProblemCode } from '../../../shared/contract/problems.ts'
import type { SigningKeys } from '../../../shared/platform/secrets.ts'
import {
  type Audience,
  type CapabilityKeys,
  issueToken,
  verifyToken,
} from '../../../shared/uploads/capability.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const HOUR_MS = 3_600_000

function makeKeys(): CapabilityKeys {
  const purpose = (): SigningKeys => ({
    currentKeyId: 'k1',
    keys: new Map([['k1', randomBytes(48)]]),
  })
  const write = purpose()
  const read = purpose()
  return { write: async () => write, read: async () => read }
}

function issue(keys: CapabilityKeys, audience: Audience): Promise<string> {
  return issueToken(keys, {
    audience,
    submissionId: 'sub_1',
    portalId: 'prt_1',
    passwordVersion: 1,
    expiresAtMs: NOW + HOUR_MS,
  })
}

async function refusal(check: Promise<unknown>): Promise<ProblemCode | undefined> {
  return check.then(
    () => undefined,
    (error: { code: ProblemCode }) => error.code,
  )
}

describe('a capability', () => {
  test('opens what it was issued for, until its very millisecond', async () => {
    const keys = makeKeys()
    const token = await issue(keys, 'write')
    const at = (nowMs: number) => verifyToken(keys, { now: () => nowMs }, token, ['write'])

    expect(await at(NOW + HOUR_MS - 1)).toMatchObject({ submissionId: 'sub_1', portalId: 'prt_1' })
    expect(await refusal(at(NOW + HOUR_MS))).toBe('TOKEN_EXPIRED')
  })

  test('of one purpose never stands for the other', async () => {
    const keys = makeKeys()
    const clock = { now: () => NOW }
    const read = await issue(keys, 'read')

    expect(await refusal(verifyToken(keys, clock, read, ['write']))).toBe('TOKEN_INVALID')
    const [body = '', mac = ''] = read.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
    const relabelled = Buffer.from(JSON.stringify({ ...claims, audience: 'write' })).toString(
      'base64url',
    )
    expect(await refusal(verifyToken(keys, clock, `${relabelled}.${mac}`, ['write']))).toBe(
      'TOKEN_INVALID',
    )
  })

  test('signed by a key that is still live goes on opening after a rotation, and no longer than that', async () => {
    const old = makeKeys()
    const token = await issue(old, 'write')
    const { keys: oldKeys } = await old.write()
    const oldKey = oldKeys.get('k1') ?? Buffer.alloc(0)
    const withKeys = (keys: [string, Buffer][]): CapabilityKeys => {
      const write: SigningKeys = { currentKeyId: 'k2', keys: new Map(keys) }
      return { write: async () => write, read: async () => write }
    }
    const clock = { now: () => NOW }
    const rotated = withKeys([
      ['k1', oldKey],
      ['k2', randomBytes(48)],
    ])
    const retired = withKeys([['k2', randomBytes(48)]])

    expect(await verifyToken(rotated, clock, token, ['write'])).toMatchObject({ keyId: 'k1' })
    expect(await refusal(verifyToken(retired, clock, token, ['write']))).toBe('TOKEN_INVALID')
  })

  test.each([
    ['absent', undefined, 'TOKEN_REQUIRED'],
    ['empty', '', 'TOKEN_INVALID'],
    ['without a signature', 'e30', 'TOKEN_INVALID'],
    ['not JSON', 'x.y', 'TOKEN_INVALID'],
    ['of three parts', 'e30.e30.e30', 'TOKEN_INVALID'],
    ['JSON null', `${Buffer.from('null').toString('base64url')}.x`, 'TOKEN_INVALID'],
  ])('that is %s opens nothing', async (_, token, code) => {
    expect(
      await refusal(verifyToken(makeKeys(), { now: () => NOW }, token, ['write', 'read'])),
    ).toBe(code)
  })
})
