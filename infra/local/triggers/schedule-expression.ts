/**
 * `rate()` and `cron()`, in UTC.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
import cronParser from 'aws-cron-parser'

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** Gives the first time after `fromMs`; undefined when there is none. A rate counts from `startMs`. */
export type NextTime = (fromMs: number, startMs: number) => number | undefined

export function parseScheduleExpression(expression: string): NextTime {
  const rate = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression)
  if (rate) return rateOf(expression, rate)
  const fields = /^cron\(([^)]+)\)$/.exec(expression)?.[1]?.trim().split(/\s+/)
  // "You can't use * in both the Day-of-month and Day-of-week fields": one of them is `?`.
  if (fields?.length !== 6 || (fields[2] === '?') === (fields[4] === '?')) {
    throw new Error(`Unsupported schedule expression: ${expression}`)
  }
  const cron = cronParser.parse(fields.join(' '))
  return (fromMs) => cronParser.next(cron, new Date(fromMs))?.getTime()
}

function rateOf(expression: string, [, count, unit, plural]: RegExpExecArray): NextTime {
  // "If the value is equal to 1, then the unit must be singular."
  if (Number(count) < 1 || (Number(count) === 1) !== (plural === '')) {
    throw new Error(`Invalid schedule expression: ${expression}`)
  }
  const periodMs = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
  return (fromMs, startMs) =>
    startMs + (Math.floor(Math.max(0, fromMs - startMs) / periodMs) + 1) * periodMs
}
