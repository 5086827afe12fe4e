/**
 * File ids of 33 characters that prove by themselves for which account they were generated:
 * `files.generateIds` reserves a thousand of them without writing anything.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { ProviderDatabase } from '../provider-database.ts'

export class DriveIds {
  readonly #secret: string

  constructor(database: ProviderDatabase) {
    this.#secret = database.meta('id-secret', () => randomBytes(32).toString('hex'))
  }

  generate(accountId: string): string {
    const nonce = randomBytes(12).toString('base64url')
    return `1${nonce}${this.#proof(accountId, nonce)}`
  }

  /** Only ids that were generated for the account can be given to a new file. */
  isReserved(accountId: string, id: string): boolean {
    return (
      id.length === 33 && id === `1${id.slice(1, 17)}${this.#proof(accountId, id.slice(1, 17))}`
    )
  }

  #proof(accountId: string, nonce: string): string {
    const mac = createHmac('sha256', this.#secret).update(`${accountId}:${nonce}`).digest()
    return mac.subarray(0, 12).toString('base64url')
  }
}
