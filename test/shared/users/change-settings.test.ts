import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventStore } from '../../../shared/events/event-store.ts'
import {
  getNotifications,
  getProfile,
  putNotifications,
  putProfile,
  type SettingsDeps,
} from '../../../shared/users/change-settings.ts'
import type { Identity } from '../../../shared/users/user.ts'
import { type UserStore, userStore } from '../../../shared/users/user-store.ts'
import { type RecordTable, startRecordTable } from '../../support/record-table.ts'
import { steeredClock } from '../../support/steered-clock.ts'

const clock = steeredClock()

let records: RecordTable
let users: UserStore
let deps: SettingsDeps
let identity: Identity
let userId: string
let subjects = 0

beforeAll(async () => {
  records = await startRecordTable()
  users = userStore(records.table, clock)
  deps = { table: records.table, users, clock }
})
afterAll(() => records.close())

beforeEach(async () => {
  subjects += 1
  identity = {
    provider: 'google',
    subject: `subject ${subjects}`,
    email: 'owner@example.com',
    emailVerified: true,
    name: 'Name At Google',
    image: null,
  }
  userId = await users.create(identity)
})

async function events() {
  const { events: told } = await eventStore(records.table).list(userId, { limit: 100 })
  return told.filter(({ type }) => type !== 'user.created')
}

async function signInAgain(changes: Partial<Identity>): Promise<void> {
  const user = await users.find(userId)
  if (!user) throw new Error('no user')
  await users.saveProfile(user, { ...identity, ...changes })
}

describe('the settings of an owner (requirements 66, 284, 286)', () => {
  test('are the defaults until something is set', async () => {
    expect(await getProfile(deps, userId)).toEqual({
      name: 'Name At Google',
      email: 'owner@example.com',
      locale: 'en',
      singleEmailPerProvider: false,
    })
    expect(await getNotifications(deps, userId)).toEqual({ newFiles: true, accountProblems: true })
  })

  test('change by what is given, and stay as they are otherwise', async () => {
    await putProfile(deps, userId, { name: 'Ada', locale: 'de' })
    await putProfile(deps, userId, { singleEmailPerProvider: true })
    await putNotifications(deps, userId, { newFiles: false })

    expect(await getProfile(deps, userId)).toEqual({
      name: 'Ada',
      email: 'owner@example.com',
      locale: 'de',
      singleEmailPerProvider: true,
    })
    expect(await getNotifications(deps, userId)).toEqual({ newFiles: false, accountProblems: true })
  })

  test('are answered as they were saved', async () => {
    const saved = await putProfile(deps, userId, { locale: 'fr', name: 'Ada' })
    expect(saved).toEqual(await getProfile(deps, userId))
    const notifications = await putNotifications(deps, userId, { accountProblems: false })
    expect(notifications).toEqual(await getNotifications(deps, userId))
  })

  test('tell by one event what was changed, by its name alone', async () => {
    await putProfile(deps, userId, { name: 'Ada', locale: 'en', singleEmailPerProvider: true })

    expect(await events()).toEqual([
      expect.objectContaining({
        type: 'settings.updated',
        actor: userId,
        subjectId: userId,
        before: null,
        after: null,
        reason: 'name,singleEmailPerProvider',
      }),
    ])
    expect(JSON.stringify(await events())).not.toContain('Ada')
  })

  test('that are already so are not written and make no event', async () => {
    await putProfile(deps, userId, { locale: 'en' })
    await putNotifications(deps, userId, { newFiles: true })
    await putNotifications(deps, userId, {})

    expect(await events()).toEqual([])
    expect((await users.find(userId))?.settingsVersion).toBeUndefined()
  })

  test('set in two windows at once are all kept', async () => {
    await Promise.all([
      putProfile(deps, userId, { name: 'Ada' }),
      putProfile(deps, userId, { locale: 'nl' }),
      putNotifications(deps, userId, { newFiles: false }),
      putNotifications(deps, userId, { accountProblems: false }),
    ])

    expect(await getProfile(deps, userId)).toMatchObject({ name: 'Ada', locale: 'nl' })
    expect(await getNotifications(deps, userId)).toEqual({
      newFiles: false,
      accountProblems: false,
    })
    expect(await events()).toHaveLength(4)
  })

  test('of somebody who no longer exists ask for a new sign-in', async () => {
    await expect(getProfile(deps, 'usr_0000000000')).rejects.toMatchObject({
      code: 'SESSION_REQUIRED',
    })
    await expect(putProfile(deps, 'usr_0000000000', { name: 'Ada' })).rejects.toMatchObject({
      code: 'SESSION_REQUIRED',
    })
  })
})

describe('signing in again', () => {
  test('brings the name of the provider as long as the owner has chosen none', async () => {
    await signInAgain({ name: 'New Name', image: 'https://example.com/1.png' })
    expect(await users.find(userId)).toMatchObject({
      name: 'New Name',
      image: 'https://example.com/1.png',
    })
  })

  test('leaves a chosen name alone, and still brings the picture and the address', async () => {
    await putProfile(deps, userId, { name: 'Ada' })
    await signInAgain({ name: 'New Name', email: 'new@example.com', image: 'i' })
    expect(await users.find(userId)).toMatchObject({
      name: 'Ada',
      email: 'new@example.com',
      image: 'i',
    })
  })

  test('loses against a name that is chosen at this very moment', async () => {
    const user = await users.find(userId)
    if (!user) throw new Error('no user')
    await putProfile(deps, userId, { name: 'Ada' })
    await users.saveProfile(user, { ...identity, name: 'New Name' })
    expect((await users.find(userId))?.name).toBe('Ada')
  })
})
