import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { UpdatePortalRequest } from '../../../shared/contract/portals.ts'
import { HOUR_MS, MINUTE_MS } from '../../../shared/platform/clock.ts'
import { getPublicPortal, verifyPortalPassword } from '../../../shared/portals/public-portal.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { openPortalHouse, type PortalHouse } from './portal-house.ts'

const PASSWORD = 'correct horse'
const key = randomBytes(32)

let records: RecordTable
let house: PortalHouse
let slept: number
let address: string
beforeAll(async () => {
  records = await startRecordTable()
})
afterAll(() => records.close())
beforeEach(async () => {
  house = await openPortalHouse(records.table)
  slept = 0
  address = house.account.userId
})

const deps = () => ({
  ...house,
  portalKeys: async () => ({ currentKeyId: 'k1', keys: new Map([['k1', key]]) }),
  sleep: async (ms: number) => {
    slept += ms
  },
})
const look = (slug: string, token?: string) => getPublicPortal(deps(), slug, { address, token })
const verify = (slug: string, password: string, from = address) =>
  verifyPortalPassword(deps(), slug, password, from)

describe('what a stranger sees', () => {
  it('of an open portal: what it asks for and takes, nothing of its owner', async () => {
    const { slug, id } = await house.create({
      instructions: 'Please name your files',
      allowedTypes: ['.pdf'],
      maxFileBytes: 1000,
    })

    expect(await look(slug)).toEqual({
      portalId: id,
      name: 'Letters',
      passwordRequired: false,
      instructions: 'Please name your files',
      fields: { clientName: 'optional', clientEmail: 'optional', clientMessage: 'optional' },
      limits: { maxFileBytes: 1000, maxFilesPerIntent: 50, allowedTypes: ['.pdf'] },
      deadline: null,
      acceptsUploads: true,
    })
  })

  it.each([
    ['closed', { isActive: false }],
    ['late', { deadline: '2020-01-01T00:00:00Z' }],
  ] as const)('of one that takes nothing: %s', async (reason, change: UpdatePortalRequest) => {
    const portal = await house.create()
    await house.update(portal, change)

    expect(await look(portal.slug)).toMatchObject({ acceptsUploads: false, reason })
  })

  it('of an unknown and of a deleted link: the same', async () => {
    const portal = await house.create()
    await house.delete(portal.id)

    const [unknown, deleted] = await Promise.allSettled([look('no-such-link'), look(portal.slug)])
    expect(unknown).toEqual(deleted)
    expect(unknown).toMatchObject({ status: 'rejected', reason: { code: 'PORTAL_NOT_FOUND' } })
  })

  it('after thirty links that lead nowhere: nothing more for a while, not even one that exists (rule 11)', async () => {
    const { slug } = await house.create()
    for (let miss = 0; miss < 30; miss += 1) {
      await expect(look(`nowhere-${miss}`)).rejects.toMatchObject({ code: 'PORTAL_NOT_FOUND' })
    }

    await expect(look(slug)).rejects.toMatchObject({ code: 'TOO_MANY_ATTEMPTS' })
    house.clock.advance(15 * MINUTE_MS)
    expect(await look(slug)).toMatchObject({ acceptsUploads: true })
  })
})

describe('a password (security rule 10)', () => {
  it('hides everything but the name until it is given', async () => {
    const { slug, id } = await house.create({ password: PASSWORD })

    expect(await look(slug)).toEqual({ portalId: id, name: 'Letters', passwordRequired: true })
    const { token } = await verify(slug, PASSWORD)
    expect(await look(slug, token)).toMatchObject({ passwordRequired: true, acceptsUploads: true })
  })

  it('opens its own portal, for an hour, until it is changed', async () => {
    const portal = await house.create({ password: PASSWORD })
    const other = await house.create({ password: PASSWORD })
    const { token, expiresAt } = await verify(portal.slug, PASSWORD)

    expect(Date.parse(expiresAt)).toBe(house.clock.now() + HOUR_MS)
    expect(await look(other.slug, token)).not.toHaveProperty('fields')
    expect(await look(portal.slug, `${token}x`)).not.toHaveProperty('fields')
    await house.update(portal, { password: 'another one' })
    expect(await look(portal.slug, token)).not.toHaveProperty('fields')
  })

  it('is asked for again when its hour is over, of a page that kept the token too', async () => {
    const portal = await house.create({ password: PASSWORD })
    const { token } = await verify(portal.slug, PASSWORD)
    house.clock.advance(HOUR_MS - 1)
    expect(await look(portal.slug, token)).toMatchObject({ acceptsUploads: true })

    house.clock.advance(1)
    expect(await look(portal.slug, token)).toEqual({
      portalId: portal.id,
      name: 'Letters',
      passwordRequired: true,
    })
    await house.update(portal, { password: null })
    expect(await look(portal.slug, token)).toMatchObject({ acceptsUploads: true })
  })

  it('that is wrong opens nothing', async () => {
    const { slug } = await house.create({ password: PASSWORD })

    await expect(verify(slug, 'wrong horse')).rejects.toMatchObject({ code: 'WRONG_PASSWORD' })
  })

  it('typed with combining accents is the same', async () => {
    const { slug } = await house.create({ password: 'résumé 2026'.normalize('NFC') })

    expect(await verify(slug, 'résumé 2026'.normalize('NFD'))).toHaveProperty('token')
  })

  it('may be tried five times in fifteen minutes from one address, also all at once', async () => {
    const { slug } = await house.create({ password: PASSWORD })
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => verify(slug, 'wrong horse')),
    )

    const codes = tries.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
    expect(codes.filter((code) => code === 'WRONG_PASSWORD')).toHaveLength(5)
    await expect(verify(slug, PASSWORD)).rejects.toMatchObject({
      code: 'TOO_MANY_ATTEMPTS',
      facts: { retryAfterSeconds: 15 * 60 },
    })
    expect(await verify(slug, PASSWORD, 'another address')).toHaveProperty('token')
  })

  it('is let in as often as it is right, which makes no room for more guesses', async () => {
    const { slug } = await house.create({ password: PASSWORD })
    for (let wrong = 0; wrong < 4; wrong += 1) {
      await expect(verify(slug, 'wrong horse')).rejects.toMatchObject({ code: 'WRONG_PASSWORD' })
    }
    for (let right = 0; right < 3; right += 1) {
      expect(await verify(slug, PASSWORD)).toHaveProperty('token')
    }

    await expect(verify(slug, 'wrong horse')).rejects.toMatchObject({ code: 'WRONG_PASSWORD' })
    await expect(verify(slug, 'wrong horse')).rejects.toMatchObject({ code: 'TOO_MANY_ATTEMPTS' })
  })

  it('that many try from everywhere takes its time, and locks nobody out', async () => {
    const { slug } = await house.create({ password: PASSWORD })
    for (let guess = 0; guess < 20; guess += 1) {
      await expect(verify(slug, 'wrong horse', `from ${guess}`)).rejects.toThrow()
    }
    expect(slept).toBe(0)

    expect(await verify(slug, PASSWORD)).toHaveProperty('token')
    expect(slept).toBe(2000)
  }, 60_000)
})
