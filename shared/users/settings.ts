/** What an owner has chosen, or what is so until then. */
import type {
  NotificationsReply,
  NotificationsRequest,
  ProfileReply,
  ProfileRequest,
} from '../contract/settings.ts'
import type { User } from './user.ts'

/** Members of the user record that the settings set. */
export type UserSettings = Pick<
  User,
  'name' | 'nameIsOwn' | 'locale' | 'singleEmailPerProvider' | 'notifications'
>

export function profileOf(user: User): ProfileReply {
  return {
    name: user.name,
    email: user.email,
    locale: user.locale ?? 'en',
    singleEmailPerProvider: user.singleEmailPerProvider ?? false,
  }
}

export function notificationsOf(user: User): NotificationsReply {
  return {
    newFiles: user.notifications?.newFiles ?? true,
    accountProblems: user.notifications?.accountProblems ?? true,
  }
}

/** What a request changes: the new members of the record, and the names of the settings for the event. */
export interface SettingsChange {
  set: Partial<UserSettings>
  names: string[]
}

export function profileChange(user: User, request: ProfileRequest): SettingsChange {
  const { names, changed } = difference(profileOf(user), request)
  // From now on a sign-in leaves the name alone.
  return { set: { ...changed, ...(names.includes('name') ? { nameIsOwn: true } : {}) }, names }
}

export function notificationsChange(user: User, request: NotificationsRequest): SettingsChange {
  const now = notificationsOf(user)
  const { names, changed } = difference(now, request)
  return { set: names.length > 0 ? { notifications: { ...now, ...changed } } : {}, names }
}

/** The members of a request that were given. */
type Given<Request> = { [Name in keyof Request]?: Exclude<Request[Name], undefined> }

function difference<Request extends object>(
  now: { [Name in keyof Request]?: unknown },
  request: Request,
): { names: string[]; changed: Given<Request> } {
  const changes = Object.entries(request).filter(
    ([name, value]) => value !== undefined && value !== now[name as keyof Request],
  )
  return {
    names: changes.map(([name]) => name).sort(),
    changed: Object.fromEntries(changes) as Given<Request>,
  }
}
