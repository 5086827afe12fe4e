/** An owner reads and changes the settings. */
import type {
  NotificationsReply,
  NotificationsRequest,
  ProfileReply,
  ProfileRequest,
} from '../contract/settings.ts'
import { PortageError } from '../errors.ts'
import type { Clock } from '../platform/clock.ts'
import { eventPut } from '../platform/events.ts'
import { type Table, TransactionRefused, transact } from '../platform/table.ts'
import {
  notificationsChange,
  notificationsOf,
  profileChange,
  profileOf,
  type SettingsChange,
} from './settings.ts'
import type { User } from './user.ts'
import type { UserStore } from './user-store.ts'

export interface SettingsDeps {
  table: Table
  users: Pick<UserStore, 'find' | 'changeSettings'>
  clock: Clock
}

export async function getProfile(deps: SettingsDeps, userId: string): Promise<ProfileReply> {
  return profileOf(await mustFind(deps, userId))
}

export async function getNotifications(
  deps: SettingsDeps,
  userId: string,
): Promise<NotificationsReply> {
  return notificationsOf(await mustFind(deps, userId))
}

export async function putProfile(
  deps: SettingsDeps,
  userId: string,
  request: ProfileRequest,
): Promise<ProfileReply> {
  return profileOf(await change(deps, userId, (user) => profileChange(user, request)))
}

export async function putNotifications(
  deps: SettingsDeps,
  userId: string,
  request: NotificationsRequest,
): Promise<NotificationsReply> {
  return notificationsOf(await change(deps, userId, (user) => notificationsChange(user, request)))
}

/** Somebody with two windows open loses no change: the later one is made to what the earlier one left. */
const RACE_ATTEMPTS = 5

async function change(
  deps: SettingsDeps,
  userId: string,
  decide: (user: User) => SettingsChange,
): Promise<User> {
  for (let attempt = 1; ; attempt += 1) {
    const user = await mustFind(deps, userId)
    const { set, names } = decide(user)
    if (names.length === 0) return user
    try {
      await transact(deps.table, [
        deps.users.changeSettings(user, set),
        // Names alone: what they hold is about a person.
        eventPut(deps.table, deps.clock, 'settings.updated', {
          userId,
          actor: userId,
          subjectId: userId,
          reason: names.join(','),
        }),
      ])
      return { ...user, ...set }
    } catch (error) {
      if (!(error instanceof TransactionRefused)) throw error
      if (attempt === RACE_ATTEMPTS) {
        throw new PortageError('BUSY', 'The settings are being changed elsewhere, too.', {
          facts: { retryAfterSeconds: 1 },
          cause: error,
        })
      }
    }
  }
}

async function mustFind(deps: SettingsDeps, userId: string): Promise<User> {
  const user = await deps.users.find(userId)
  if (user) return user
  throw new PortageError('SESSION_REQUIRED', 'Your account no longer exists. Please sign in again.')
}
