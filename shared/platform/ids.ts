import { createHash, randomBytes } from 'node:crypto'

/** Prefix of each noun's ids. */
const PREFIXES = {
  user: 'usr',
  grant: 'grt',
  account: 'acc',
  portal: 'prt',
  submission: 'sub',
  upload: 'upl',
  event: 'evt',
} as const

type Noun = keyof typeof PREFIXES

const TIME_DIGITS = 9
const BASE = 36

/** A new id that sorts by time: nine base-36 digits of milliseconds, then 80 random bits. */
export function newId(noun: Noun, nowMs: number): string {
  const time = nowMs.toString(BASE).padStart(TIME_DIGITS, '0')
  const random = BigInt(`0x${randomBytes(10).toString('hex')}`)
    .toString(BASE)
    .padStart(16, '0')
  return `${PREFIXES[noun]}_${time}${random}`
}

/** The one id that these parts can have, so that a conditional put makes them unique. */
export function derivedId(noun: Noun, ...parts: string[]): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([noun, ...parts]))
    .digest('hex')
  return `${PREFIXES[noun]}_${BigInt(`0x${digest.slice(0, 40)}`)
    .toString(BASE)
    .padStart(31, '0')}`
}

/** 256 random bits for cookies, states and lease owners. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

/** How a bearer value is kept: only its hash is stored. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
