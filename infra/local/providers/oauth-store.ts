/**
 * Consents, codes and tokens, as every provider keeps them. A refresh token and the access tokens
 * made with it are one grant; all clients of an emulator belong to one project.
 */
import type { Clock } from '../clock.ts'
import type { ProviderDatabase, Row } from './provider-database.ts'

export const OAUTH_SCHEMA = `
CREATE TABLE IF NOT EXISTS consents (
  account_id TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL, offline INTEGER NOT NULL,
  PRIMARY KEY (account_id, client_id)
) STRICT;
CREATE TABLE IF NOT EXISTS codes (
  code TEXT PRIMARY KEY, account_id TEXT NOT NULL, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
  scopes TEXT NOT NULL, nonce TEXT, challenge TEXT, challenge_method TEXT,
  with_refresh INTEGER NOT NULL, expires_at INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS refresh_tokens (
  number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL,
  client_id TEXT NOT NULL, scopes TEXT NOT NULL, needs_secret INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS refresh_tokens_by_grant ON refresh_tokens (account_id, client_id, revoked);
CREATE TABLE IF NOT EXISTS access_tokens (
  token TEXT PRIMARY KEY, account_id TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
  refresh_number INTEGER, expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS access_tokens_by_account ON access_tokens (account_id);
CREATE INDEX IF NOT EXISTS access_tokens_by_expiry ON access_tokens (expires_at);
`

const CODE_LIFETIME_MS = 10 * 60_000
/** Expired tokens are told from unknown ones for a while. */
const REMEMBERED_MS = 7 * 24 * 60 * 60_000

/** How a provider spells its codes and tokens, and how long they live. */
export interface TokenManner {
  newCode(): string
  newAccessToken(): string
  newRefreshToken(): string
  accessTokenSeconds: number
  /** A refresh token that is not used for so long is dead. */
  unusedRefreshTokenMs: number
  /** Of an account and a client; the oldest ones beyond it are dead. */
  maxRefreshTokens: number
}

export interface Grant {
  accountId: string
  clientId: string
  scopes: string[]
}

interface NewCode extends Grant {
  redirectUri: string
  nonce?: string | undefined
  challenge: string | undefined
  challengeMethod: string | undefined
  withRefresh: boolean
}

export interface AuthorizationCode extends NewCode {
  code: string
  /** Neither used nor expired. */
  usable: boolean
}

export interface RefreshToken extends Grant {
  number: number
  /** False for a client that proved itself by PKCE alone. */
  needsSecret: boolean
  isDead: boolean
}

interface AccessToken extends Grant {
  refreshNumber: number | undefined
  expiresAtMs: number
  isExpired: boolean
}

export class OAuthStore {
  readonly #database: ProviderDatabase
  readonly #clock: Clock
  readonly #manner: TokenManner

  constructor(database: ProviderDatabase, clock: Clock, manner: TokenManner) {
    this.#database = database
    this.#clock = clock
    this.#manner = manner
  }

  get accessTokenSeconds(): number {
    return this.#manner.accessTokenSeconds
  }

  consent(accountId: string, clientId: string): { scopes: string[]; offline: boolean } {
    const row = this.#database.get(
      'SELECT scopes, offline FROM consents WHERE account_id = ? AND client_id = ?',
      accountId,
      clientId,
    )
    return { scopes: splitScopes(row?.['scopes']), offline: row?.['offline'] === 1 }
  }

  rememberConsent({ accountId, clientId, scopes }: Grant, offline: boolean): void {
    const before = this.consent(accountId, clientId)
    this.#database.run(
      'INSERT OR REPLACE INTO consents (account_id, client_id, scopes, offline) VALUES (?, ?, ?, ?)',
      accountId,
      clientId,
      [...new Set([...before.scopes, ...scopes])].join(' '),
      offline || before.offline ? 1 : 0,
    )
  }

  createCode(code: NewCode): string {
    const value = this.#manner.newCode()
    this.#database.run(
      'INSERT INTO codes (code, account_id, client_id, redirect_uri, scopes, nonce, challenge, challenge_method, with_refresh, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      value,
      code.accountId,
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

  issueRefreshToken(grant: Grant, needsSecret: boolean): { token: string; number: number } {
    const token = this.#manner.newRefreshToken()
    this.#database.transaction(() => {
      this.#database.run(
        'INSERT INTO refresh_tokens (token, account_id, client_id, scopes, needs_secret, last_used_at) VALUES (?, ?, ?, ?, ?, ?)',
        token,
        grant.accountId,
        grant.clientId,
        grant.scopes.join(' '),
        needsSecret ? 1 : 0,
        this.#clock.now(),
      )
      this.#database.run(
        `UPDATE refresh_tokens SET revoked = 1 WHERE number IN (
           SELECT number FROM refresh_tokens WHERE account_id = ? AND client_id = ? AND revoked = 0
           ORDER BY number DESC LIMIT -1 OFFSET ?)`,
        grant.accountId,
        grant.clientId,
        this.#manner.maxRefreshTokens,
      )
    })
    const number = this.findRefreshToken(token)?.number
    if (number === undefined) throw new Error('refresh token was not stored')
    return { token, number }
  }

  findRefreshToken(token: string): RefreshToken | undefined {
    const row = this.#database.get('SELECT * FROM refresh_tokens WHERE token = ?', token)
    if (!row) return undefined
    const unusedMs = this.#clock.now() - Number(row['last_used_at'])
    return {
      ...toGrant(row),
      number: Number(row['number']),
      needsSecret: row['needs_secret'] === 1,
      isDead: row['revoked'] === 1 || unusedMs > this.#manner.unusedRefreshTokenMs,
    }
  }

  touchRefreshToken({ number }: RefreshToken): void {
    const now = this.#clock.now()
    this.#database.run('UPDATE refresh_tokens SET last_used_at = ? WHERE number = ?', now, number)
  }

  issueAccessToken(grant: Grant, refreshNumber: number | undefined): string {
    const token = this.#manner.newAccessToken()
    const now = this.#clock.now()
    this.#database.run('DELETE FROM access_tokens WHERE expires_at < ?', now - REMEMBERED_MS)
    this.#database.run(
      'INSERT INTO access_tokens (token, account_id, client_id, scopes, refresh_number, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
      token,
      grant.accountId,
      grant.clientId,
      grant.scopes.join(' '),
      refreshNumber ?? null,
      now + this.#manner.accessTokenSeconds * 1000,
    )
    return token
  }

  findAccessToken(token: string): AccessToken | undefined {
    const row = this.#database.get('SELECT * FROM access_tokens WHERE token = ?', token)
    if (!row) return undefined
    const expiresAtMs = Number(row['expires_at'])
    return {
      ...toGrant(row),
      refreshNumber: row['refresh_number'] === null ? undefined : Number(row['refresh_number']),
      expiresAtMs,
      isExpired: expiresAtMs <= this.#clock.now(),
    }
  }

  /** The token, the refresh token that it was made with, and all others that were. */
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
    const now = this.#clock.now()
    this.#database.run(
      'UPDATE access_tokens SET expires_at = ? WHERE account_id = ?',
      now,
      accountId,
    )
  }
}

export function splitScopes(text: unknown): string[] {
  return [...new Set(String(text ?? '').split(' '))].filter((scope) => scope !== '')
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
