/** Consents, codes and tokens. All clients of this emulator belong to one Google Cloud project. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { Row } from '../provider-database.ts'
import type { GoogleDatabase } from './google-database.ts'
import { grantedScopes, splitScopes } from './scopes.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const CODE_LIFETIME_MS = 10 * MINUTE_MS
export const ACCESS_TOKEN_SECONDS = 3599
/** "The refresh token has not been used for six months." https://developers.google.com/identity/protocols/oauth2#expiration */
const UNUSED_REFRESH_TOKEN_MS = 183 * DAY_MS
/** "a limit of 100 refresh tokens per Google Account per OAuth 2.0 client ID … the oldest refresh token is invalidated without warning" (same page). */
const MAX_REFRESH_TOKENS = 100

export interface Grant {
  sub: string
  clientId: string
  scopes: string[]
}

interface NewCode extends Grant {
  redirectUri: string
  nonce: string | undefined
  challenge: string | undefined
  challengeMethod: string | undefined
  withRefresh: boolean
}

interface AuthorizationCode extends NewCode {
  code: string
  /** Expired and used codes are told apart from unknown ones by nobody but the tests. */
  usable: boolean
}

type RefreshTokenState = 'live' | 'dead' | 'unknown'

export class OAuthStore {
  readonly #database: GoogleDatabase
  readonly #clock: Clock

  constructor(database: GoogleDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  consent(sub: string, clientId: string): { scopes: string[]; offline: boolean } | undefined {
    const row = this.#database.get(
      'SELECT scopes, offline FROM consents WHERE sub = ? AND client_id = ?',
      sub,
      clientId,
    )
    return row && { scopes: splitScopes(row['scopes']), offline: row['offline'] === 1 }
  }

  rememberConsent(grant: Grant, offline: boolean): void {
    const before = this.consent(grant.sub, grant.clientId)
    const scopes = [...new Set([...(before?.scopes ?? []), ...grant.scopes])]
    this.#database.run(
      'INSERT OR REPLACE INTO consents (sub, client_id, scopes, offline) VALUES (?, ?, ?, ?)',
      grant.sub,
      grant.clientId,
      scopes.join(' '),
      offline || before?.offline ? 1 : 0,
    )
  }

  createCode(code: NewCode): string {
    const value = `4/0A${randomBytes(48).toString('base64url')}`
    this.#database.run(
      'INSERT INTO codes (code, sub, client_id, redirect_uri, scopes, nonce, challenge, challenge_method, with_refresh, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      value,
      code.sub,
      code.clientId,
      code.redirectUri,
      code.scopes.join(' '),
      code.nonce ?? null,
      code.challenge ?? null,
      code.challengeMethod ?? null,
      code.withRefresh ? 1 : 0,
      this.#clock.now() + CODE_LIFETIME_MS,
    )
    return value
  }

  findCode(code: string): AuthorizationCode | undefined {
    const row = this.#database.get('SELECT * FROM codes WHERE code = ?', code)
    if (!row) return undefined
    return {
      ...toGrant(row),
      code,
      redirectUri: String(row['redirect_uri']),
      nonce: optionalText(row['nonce']),
      challenge: optionalText(row['challenge']),
      challengeMethod: optionalText(row['challenge_method']),
      withRefresh: row['with_refresh'] === 1,
      usable: row['used'] === 0 && Number(row['expires_at']) > this.#clock.now(),
    }
  }

  /** True for the one caller that may redeem the code. */
  consumeCode(code: string): boolean {
    return this.#database.run('UPDATE codes SET used = 1 WHERE code = ? AND used = 0', code) === 1
  }

  issueAccessToken(grant: Grant): string {
    const token = `ya29.a0${randomBytes(120).toString('base64url')}`
    const now = this.#clock.now()
    this.#database.run('DELETE FROM access_tokens WHERE expires_at < ?', now - DAY_MS)
    this.#database.run(
      'INSERT INTO access_tokens (token, sub, client_id, scopes, expires_at) VALUES (?, ?, ?, ?, ?)',
      token,
      grant.sub,
      grant.clientId,
      grant.scopes.join(' '),
      now + ACCESS_TOKEN_SECONDS * 1000,
    )
    return token
  }

  findAccessToken(token: string): (Grant & { expiresAtMs: number }) | undefined {
    const row = this.#database.get(
      'SELECT * FROM access_tokens WHERE token = ? AND expires_at > ?',
      token,
      this.#clock.now(),
    )
    return row && { ...toGrant(row), expiresAtMs: Number(row['expires_at']) }
  }

  issueRefreshToken(grant: Grant): string {
    const token = `1//0${randomBytes(72).toString('base64url')}`
    this.#database.transaction(() => {
      this.#database.run(
        'INSERT INTO refresh_tokens (token, sub, client_id, scopes, last_used_at) VALUES (?, ?, ?, ?, ?)',
        token,
        grant.sub,
        grant.clientId,
        grant.scopes.join(' '),
        this.#clock.now(),
      )
      this.#database.run(
        `UPDATE refresh_tokens SET revoked = 1 WHERE number IN (
           SELECT number FROM refresh_tokens WHERE sub = ? AND client_id = ? AND revoked = 0
           ORDER BY number DESC LIMIT -1 OFFSET ${MAX_REFRESH_TOKENS})`,
        grant.sub,
        grant.clientId,
      )
    })
    return token
  }

  findRefreshToken(token: string): { state: RefreshTokenState; grant?: Grant } {
    const row = this.#database.get('SELECT * FROM refresh_tokens WHERE token = ?', token)
    if (!row) return { state: 'unknown' }
    const unusedMs = this.#clock.now() - Number(row['last_used_at'])
    const dead = row['revoked'] === 1 || unusedMs > UNUSED_REFRESH_TOKEN_MS
    return { state: dead ? 'dead' : 'live', grant: toGrant(row) }
  }

  touchRefreshToken(token: string): void {
    const now = this.#clock.now()
    this.#database.run('UPDATE refresh_tokens SET last_used_at = ? WHERE token = ?', now, token)
  }

  /**
   * "Revocation removes all OAuth 2.0 scopes previously granted to a project, invalidating any
   * issued access or refresh tokens for all clients registered under that project."
   * https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
   */
  revokeEverything(sub: string): void {
    this.#database.transaction(() => {
      this.#database.run('DELETE FROM access_tokens WHERE sub = ?', sub)
      this.#database.run('UPDATE refresh_tokens SET revoked = 1 WHERE sub = ?', sub)
      this.#database.run('UPDATE codes SET used = 1 WHERE sub = ?', sub)
      this.#database.run('DELETE FROM consents WHERE sub = ?', sub)
    })
  }

  expireAccessTokens(sub: string): void {
    this.#database.run('UPDATE access_tokens SET expires_at = ? WHERE sub = ?', 0, sub)
  }
}

function toGrant(row: Row): Grant {
  return {
    sub: String(row['sub']),
    clientId: String(row['client_id']),
    scopes: grantedScopes(splitScopes(row['scopes'])),
  }
}

function optionalText(value: Row[string] | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value)
}
