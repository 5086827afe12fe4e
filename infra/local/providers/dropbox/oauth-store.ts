/** Consents, codes and tokens. A refresh token and the access tokens made with it are one grant. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type { Row } from '../provider-database.ts'
import type { DropboxDatabase } from './dropbox-database.ts'
import { splitScopes } from './scopes.ts'

const CODE_LIFETIME_MS = 10 * 60_000
/** "expires_in … the length of time in seconds that the access token will be valid for": four hours. */
export const ACCESS_TOKEN_SECONDS = 14_400
/** Expired tokens are told from unknown ones for a while. */
const REMEMBERED_MS = 7 * 24 * 60 * 60_000

export interface Grant {
  accountId: string
  clientId: string
  scopes: string[]
}

interface NewCode extends Grant {
  redirectUri: string
  challenge: string | undefined
  challengeMethod: string | undefined
  offline: boolean
}

interface AuthorizationCode extends NewCode {
  code: string
  usable: boolean
}

export interface RefreshToken extends Grant {
  number: number
  /** False for a client that proved itself by PKCE alone. */
  needsSecret: boolean
  revoked: boolean
}

export interface AccessToken extends Grant {
  refreshNumber: number | undefined
  expired: boolean
}

export class OAuthStore {
  readonly #database: DropboxDatabase
  readonly #clock: Clock

  constructor(database: DropboxDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  consentedScopes(accountId: string, clientId: string): string[] {
    const row = this.#database.get(
      'SELECT scopes FROM consents WHERE account_id = ? AND client_id = ?',
      accountId,
      clientId,
    )
    return splitScopes(row?.['scopes'])
  }

  rememberConsent({ accountId, clientId, scopes }: Grant): void {
    const all = new Set([...this.consentedScopes(accountId, clientId), ...scopes])
    this.#database.run(
      'INSERT OR REPLACE INTO consents (account_id, client_id, scopes) VALUES (?, ?, ?)',
      accountId,
      clientId,
      [...all].join(' '),
    )
  }

  createCode(code: NewCode): string {
    const value = randomBytes(32).toString('base64url')
    this.#database.run(
      'INSERT INTO codes (code, account_id, client_id, redirect_uri, scopes, challenge, challenge_method, offline, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      value,
      code.accountId,
      code.clientId,
      code.redirectUri,
      code.scopes.join(' '),
      code.challenge ?? null,
      code.challengeMethod ?? null,
      code.offline ? 1 : 0,
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
      challenge: optionalText(row['challenge']),
      challengeMethod: optionalText(row['challenge_method']),
      offline: row['offline'] === 1,
      usable: row['used'] === 0 && Number(row['expires_at']) > this.#clock.now(),
    }
  }

  /** True for the one caller that may redeem the code. */
  consumeCode(code: string): boolean {
    return this.#database.run('UPDATE codes SET used = 1 WHERE code = ? AND used = 0', code) === 1
  }

  issueRefreshToken(grant: Grant, needsSecret: boolean): { token: string; number: number } {
    const token = randomBytes(48).toString('base64url')
    this.#database.run(
      'INSERT INTO refresh_tokens (token, account_id, client_id, scopes, needs_secret) VALUES (?, ?, ?, ?, ?)',
      token,
      grant.accountId,
      grant.clientId,
      grant.scopes.join(' '),
      needsSecret ? 1 : 0,
    )
    const number = this.findRefreshToken(token)?.number
    if (number === undefined) throw new Error('refresh token was not stored')
    return { token, number }
  }

  findRefreshToken(token: string): RefreshToken | undefined {
    const row = this.#database.get('SELECT * FROM refresh_tokens WHERE token = ?', token)
    return (
      row && {
        ...toGrant(row),
        number: Number(row['number']),
        needsSecret: row['needs_secret'] === 1,
        revoked: row['revoked'] === 1,
      }
    )
  }

  issueAccessToken(grant: Grant, refreshNumber: number | undefined): string {
    const token = `sl.u.${randomBytes(96).toString('base64url')}`
    const now = this.#clock.now()
    this.#database.run('DELETE FROM access_tokens WHERE expires_at < ?', now - REMEMBERED_MS)
    this.#database.run(
      'INSERT INTO access_tokens (token, account_id, client_id, scopes, refresh_number, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
      token,
      grant.accountId,
      grant.clientId,
      grant.scopes.join(' '),
      refreshNumber ?? null,
      now + ACCESS_TOKEN_SECONDS * 1000,
    )
    return token
  }

  findAccessToken(token: string): AccessToken | undefined {
    const row = this.#database.get('SELECT * FROM access_tokens WHERE token = ?', token)
    return (
      row && {
        ...toGrant(row),
        refreshNumber: row['refresh_number'] === null ? undefined : Number(row['refresh_number']),
        expired: Number(row['expires_at']) <= this.#clock.now(),
      }
    )
  }

  /**
   * "If there is a corresponding refresh token for the access token, this disables that refresh
   * token, as well as any other access tokens for that refresh token."
   * https://www.dropbox.com/developers/documentation/http/documentation#auth-token-revoke
   */
  revokeGrant(token: string): void {
    const refreshNumber = this.findAccessToken(token)?.refreshNumber
    this.#database.transaction(() => {
      this.#database.run('DELETE FROM access_tokens WHERE token = ?', token)
      if (refreshNumber === undefined) return
      this.#database.run('DELETE FROM access_tokens WHERE refresh_number = ?', refreshNumber)
      this.#database.run('UPDATE refresh_tokens SET revoked = 1 WHERE number = ?', refreshNumber)
    })
  }

  /** As a person does who disconnects every app. */
  revokeEverything(accountId: string): void {
    this.#database.transaction(() => {
      this.#database.run('DELETE FROM access_tokens WHERE account_id = ?', accountId)
      this.#database.run('UPDATE refresh_tokens SET revoked = 1 WHERE account_id = ?', accountId)
      this.#database.run('UPDATE codes SET used = 1 WHERE account_id = ?', accountId)
      this.#database.run('DELETE FROM consents WHERE account_id = ?', accountId)
    })
  }

  expireAccessTokens(accountId: string): void {
    this.#database.run(
      'UPDATE access_tokens SET expires_at = ? WHERE account_id = ?',
      this.#clock.now(),
      accountId,
    )
  }
}

function toGrant(row: Row): Grant {
  return {
    accountId: String(row['account_id']),
    clientId: String(row['client_id']),
    scopes: splitScopes(row['scopes']),
  }
}

function optionalText(value: Row[string] | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value)
}
