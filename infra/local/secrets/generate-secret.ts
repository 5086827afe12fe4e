import { randomInt } from 'node:crypto'

/** `GenerateSecretString` of AWS::SecretsManager::Secret, with every intrinsic resolved. */
export interface GenerateSecretString {
  PasswordLength?: number | string
  ExcludeCharacters?: string
  ExcludeNumbers?: boolean
  ExcludePunctuation?: boolean
  ExcludeUppercase?: boolean
  ExcludeLowercase?: boolean
  IncludeSpace?: boolean
  RequireEachIncludedType?: boolean
  SecretStringTemplate?: string
  GenerateStringKey?: string
}

const LOWERCASE = 'abcdefghijklmnopqrstuvwxyz'
const NUMBERS = '0123456789'
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'

/**
 * A password, or the template's JSON object with the password as one more member.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-secretsmanager-secret-generatesecretstring.html
 */
export function generateSecretString(rules: GenerateSecretString): string {
  const { SecretStringTemplate, GenerateStringKey } = rules
  // "SecretStringTemplate: if you specify this, you must also specify GenerateStringKey", and the reverse.
  if ((SecretStringTemplate === undefined) !== (GenerateStringKey === undefined)) {
    throw new RangeError('SecretStringTemplate and GenerateStringKey go together')
  }
  const password = generatePassword(rules)
  if (SecretStringTemplate === undefined || GenerateStringKey === undefined) return password
  return JSON.stringify({ ...JSON.parse(SecretStringTemplate), [GenerateStringKey]: password })
}

export function generatePassword(rules: GenerateSecretString): string {
  const length = Number(rules.PasswordLength ?? 32)
  const excluded = new Set(rules.ExcludeCharacters)
  const types = [
    rules.ExcludeLowercase === true ? '' : LOWERCASE,
    rules.ExcludeUppercase === true ? '' : LOWERCASE.toUpperCase(),
    rules.ExcludeNumbers === true ? '' : NUMBERS,
    rules.ExcludePunctuation === true ? '' : PUNCTUATION,
    rules.IncludeSpace === true ? ' ' : '',
  ]
    .map((characters) => [...characters].filter((it) => !excluded.has(it)))
    .filter((characters) => characters.length > 0)
  // "If you don't include this switch, the password contains at least one of every character type."
  const required = rules.RequireEachIncludedType === false ? [] : types
  if (!Number.isInteger(length) || length < 1 || length > 4096 || length < required.length) {
    throw new RangeError(`PasswordLength ${rules.PasswordLength} does not hold what is required`)
  }
  const all = types.flat()
  if (all.length === 0) throw new RangeError('every character is excluded')
  const password = required.map(pickOne)
  while (password.length < length) password.push(pickOne(all))
  for (let index = password.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1)
    const moved = password[index] ?? ''
    password[index] = password[other] ?? ''
    password[other] = moved
  }
  return password.join('')
}

function pickOne(characters: readonly string[]): string {
  return characters[randomInt(characters.length)] ?? ''
}
