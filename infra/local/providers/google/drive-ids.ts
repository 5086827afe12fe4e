/**
 * File ids of 33 characters that prove by themselves for which account they were generated:
 * `files.generateIds` reserves a thousand of them without writing anything.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { GoogleDatabase } from './google-database.ts'

export class DriveIds {
  readonly #secret: string

  constructor(database: GoogleDatabase) {
    this.#secret = database.meta('id-secret', () => randomBytes(32).toString('hex'))
  }

  generate(sub: string): string {
    const nonce = randomBytes(12).toString('base64url')
    return `1${nonce}${this.#proof(sub, nonce)}`
  }

  /** Only ids that were generated for the account can be given to a new file. */
  isReserved(sub: string, id: string): boolean {
    return id.length === 33 && id === `1${id.slice(1, 17)}${this.#proof(sub, id.slice(1, 17))}`
  }

  #proof(sub: string, nonce: string): string {
    const mac = createHmac('sha256', this.#secret).update(`${sub}:${nonce}`).digest()
    return mac.subarray(0, 12).toString('base64url')
  }
}
