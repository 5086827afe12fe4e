/**
 * `rate()` and `cron()`, in UTC.
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
import cronParser from 'aws-cron-parser'

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** When something is due; a rate counts from `startMs`. */
export interface DueTimes {
  /** The first time after `fromMs`; undefined when there is none. */
  after(fromMs: number, startMs: number): number | undefined
  /** The last time up to `untilMs`; undefined when there is none. */
  upTo(untilMs: number, startMs: number): number | undefined
}

export function parseScheduleExpression(expression: string): DueTimes {
  const rate = /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression)
  if (rate) return rateOf(expression, rate)
  const fields = /^cron\(([^)]+)\)$/.exec(expression)?.[1]?.trim().split(/\s+/)
  // "You can't use * in both the Day-of-month and Day-of-week fields": one of them is `?`.
  if (fields?.length !== 6 || (fields[2] === '?') === (fields[4] === '?')) {
    throw new Error(`Unsupported schedule expression: ${expression}`)
  }
  const cron = cronParser.parse(fields.join(' '))
  return {
    after: (fromMs) => cronParser.next(cron, new Date(fromMs))?.getTime(),
    // The parser looks before the time that it is given.
    upTo: (untilMs) => cronParser.prev(cron, new Date(untilMs + 1))?.getTime(),
  }
}

function rateOf(expression: string, [, count, unit, plural]: RegExpExecArray): DueTimes {
  // "If the value is equal to 1, then the unit must be singular."
  if (Number(count) < 1 || (Number(count) === 1) !== (plural === '')) {
    throw new Error(`Invalid schedule expression: ${expression}`)
  }
  const periodMs = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
  const periods = (timeMs: number, startMs: number) =>
    Math.floor(Math.max(0, timeMs - startMs) / periodMs)
  return {
    after: (fromMs, startMs) => startMs + (periods(fromMs, startMs) + 1) * periodMs,
    upTo: (untilMs, startMs) => {
      const passed = periods(untilMs, startMs)
      return passed === 0 ? undefined : startMs + passed * periodMs
    },
  }
}
