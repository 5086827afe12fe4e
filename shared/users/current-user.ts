import type { SessionReply } from '../contract/auth.ts'
import { PortageError } from '../errors.ts'
import { hashToken } from '../platform/ids.ts'
import type { SessionStore } from './session-store.ts'
import type { UserStore } from './user-store.ts'

export interface CurrentUserDeps {
  users: UserStore
  sessions: SessionStore
}

/** Who is signed in; asking renews the session's idle time, but never for another site's request. */
export async function currentUser(
  deps: CurrentUserDeps,
  sessionToken: string | undefined,
  crossSite: boolean,
): Promise<SessionReply> {
  const hash = hashToken(sessionToken ?? '')
  const session = sessionToken ? await deps.sessions.find(hash) : undefined
  const user = session && (await deps.users.find(session.userId))
  if (!session || !user) {
    throw new PortageError('SESSION_REQUIRED', 'You are not signed in, or your session has ended.')
  }
  if (!crossSite) await deps.sessions.touch(hash, session)
  const { id, email, name, image } = user
  return { user: { id, email, name, image } }
}

/** Ends the session at the server; the cookie alone would leave it usable. */
export async function signOut(
  deps: Pick<CurrentUserDeps, 'sessions'>,
  sessionToken: string | undefined,
): Promise<void> {
  if (sessionToken) await deps.sessions.end(hashToken(sessionToken))
}
