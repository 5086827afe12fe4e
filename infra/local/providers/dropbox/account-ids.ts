/** Ids that Dropbox gives a person, here made of the e-mail address so that they are always the same. */
import { createHash } from 'node:crypto'

/** `dbid:` and 35 characters; stable for a person. */
export function dropboxIdOf(email: string): string {
  return `dbid:AA${digestOf(email).toString('base64url').slice(0, 33)}`
}

/** Number of the same person, and of their root namespace. */
export function uidOf({ email }: { email: string }): string {
  return String(digestOf(email).readUInt32BE(0) + 1)
}

function digestOf(email: string): Buffer {
  return createHash('sha256').update(`dropbox ${email}`).digest()
}
