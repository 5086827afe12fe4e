import { createHash } from 'node:crypto'

/** What a service accepts as a name. */
export interface NameRule {
  maxLength: number
  /** S3 refuses capitals: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
  lowerCase?: boolean
}

const HASH_LENGTH = 8

/**
 * The name of a resource that the template leaves unnamed. Always the same for the same stack and
 * logical id, so that state on disk is found again after a restart.
 */
export function physicalName(stackName: string, logicalId: string, rule: NameRule): string {
  const full = `${stackName}-${logicalId}`
  const cased = rule.lowerCase === true ? full.toLowerCase() : full
  if (cased.length <= rule.maxLength) return cased
  return `${cased.slice(0, rule.maxLength - HASH_LENGTH - 1)}-${shortHash(full)}`
}

/** Id in the manner of AWS (`E1A2B3C4`, `a1b2c3d4`), derived from the place in the template. */
export function physicalId(stackName: string, logicalId: string, length: number): string {
  return createHash('sha256').update(`${stackName}/${logicalId}`).digest('hex').slice(0, length)
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH)
}
