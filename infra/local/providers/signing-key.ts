/** The RSA key that signs id_tokens; made once per data directory. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import type { ProviderDatabase } from './provider-database.ts'

interface KeyPair {
  privateKey: KeyObject
  publicKey: KeyObject
  keyId: string
}

export class SigningKey {
  readonly #database: ProviderDatabase
  #pair: KeyPair | undefined

  constructor(database: ProviderDatabase) {
    this.#database = database
  }

  /** A compact JWS of the claims (RFC 7515) by RS256. */
  signJwt(claims: Record<string, unknown>): string {
    const { keyId, privateKey } = this.keys()
    const header = base64url({ alg: 'RS256', kid: keyId, typ: 'JWT' })
    const input = `${header}.${base64url(claims)}`
    return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
  }

  /** The public key as a JSON Web Key Set (RFC 7517). */
  jwks(): { keys: unknown[] } {
    const { keyId, publicKey } = this.keys()
    const { n, e } = publicKey.export({ format: 'jwk' })
    return { keys: [{ kid: keyId, kty: 'RSA', alg: 'RS256', use: 'sig', n, e }] }
  }

  /** Made when it is first needed: a new key takes a tenth of a second. */
  keys(): KeyPair {
    if (this.#pair) return this.#pair
    const pem = this.#database.meta('signing-key', () => {
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
      return pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    })
    const privateKey = createPrivateKey(pem)
    const publicKey = createPublicKey(privateKey)
    const der = publicKey.export({ type: 'spki', format: 'der' })
    const keyId = createHash('sha1').update(der).digest('hex')
    this.#pair = { privateKey, publicKey, keyId }
    return this.#pair
  }
}

/** `at_hash`: left half of the SHA-256 of the access token (OpenID Connect Core 3.1.3.6). */
export function accessTokenHash(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url')
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
