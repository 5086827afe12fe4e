/** The RSA key that signs id_tokens; made once per data directory. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import type { GoogleDatabase } from './google-database.ts'

export class SigningKey {
  readonly #privateKey: KeyObject
  readonly #publicKey: KeyObject
  readonly keyId: string

  constructor(database: GoogleDatabase) {
    const pem = database.meta('signing-key', () => {
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
      return pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    })
    this.#privateKey = createPrivateKey(pem)
    this.#publicKey = createPublicKey(this.#privateKey)
    const der = this.#publicKey.export({ type: 'spki', format: 'der' })
    this.keyId = createHash('sha1').update(der).digest('hex')
  }

  /** A compact JWS of the claims (RFC 7515) by RS256. */
  signJwt(claims: Record<string, unknown>): string {
    const header = base64url({ alg: 'RS256', kid: this.keyId, typ: 'JWT' })
    const input = `${header}.${base64url(claims)}`
    return `${input}.${sign('sha256', Buffer.from(input), this.#privateKey).toString('base64url')}`
  }

  /** `/oauth2/v3/certs` */
  jwks(): { keys: unknown[] } {
    const { n, e } = this.#publicKey.export({ format: 'jwk' })
    return { keys: [{ kid: this.keyId, kty: 'RSA', alg: 'RS256', use: 'sig', n, e }] }
  }

  /** `/oauth2/v1/certs` */
  pems(): Record<string, string> {
    return { [this.keyId]: this.#publicKey.export({ type: 'spki', format: 'pem' }).toString() }
  }
}

/** `at_hash`: left half of the SHA-256 of the access token (OpenID Connect Core 3.1.3.6). */
export function accessTokenHash(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url')
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
