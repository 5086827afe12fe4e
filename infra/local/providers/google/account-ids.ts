/** Ids that Google gives a person, here made of the e-mail address so that they are always the same. */
import { createHash } from 'node:crypto'

/** Stable identifier of a person: 21 digits. */
export function googleIdOf(email: string): string {
  const number = digestOf(email).readBigUInt64BE(0) % 10n ** 20n
  return `1${number.toString().padStart(20, '0')}`
}

/** Id of the root folder of a person's Drive. */
export function rootIdOf({ email }: { email: string }): string {
  return `0A${digestOf(email).toString('base64url').slice(0, 14)}PVA`
}

function digestOf(email: string): Buffer {
  return createHash('sha256').update(email).digest()
}
