/** What is measured, and how it is shown: as a table for people and as JSON for machines. */

interface Measured {
  name: string
  value: number
  unit: string
  /** Targets; a figure without one is for trend. */
  atMost?: number
  atLeast?: number
  /** Least and most of the rounds that `value` stands for. */
  range?: [number, number]
  /** Under what terms the figure holds. */
  terms?: string
}

/** A figure that could not be taken here says why. */
interface Missing {
  name: string
  missing: string
}

export type Figure = Measured | Missing

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
  return (lower + upper) / 2
}

/** The figure of several rounds. */
export function overRounds(values: number[]): { value: number; range: [number, number] } {
  return { value: median(values), range: [Math.min(...values), Math.max(...values)] }
}

/** Undefined for what has no target or was not measured. */
export function isHeld(figure: Figure): boolean | undefined {
  if ('missing' in figure) return undefined
  const { value, atMost, atLeast } = figure
  if (atMost === undefined && atLeast === undefined) return undefined
  return value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity)
}

export function figureJson(figure: Figure): Record<string, unknown> {
  if ('missing' in figure) return { ...figure, value: null, held: null }
  const { atMost, atLeast, ...rest } = figure
  return {
    ...rest,
    target: target(figure) || null,
    ...(atMost === undefined ? {} : { atMost }),
    ...(atLeast === undefined ? {} : { atLeast }),
    held: isHeld(figure) ?? null,
  }
}

/** Lines of a table; terms stand below their figure. */
export function figureLines(figures: Figure[]): string[] {
  const rows = figures.map((figure) =>
    'missing' in figure
      ? [figure.name, 'not measured', '', '']
      : [
          figure.name,
          `${shown(figure.value)} ${figure.unit}${spread(figure)}`,
          target(figure),
          verdict(figure),
        ],
  )
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return figures.flatMap((figure, index) => {
    const row = rows[index] ?? []
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
    const note = 'missing' in figure ? figure.missing : figure.terms
    return [line.trimEnd(), ...(note === undefined ? [] : [`    ${note}`])]
  })
}

function verdict(figure: Figure): string {
  const held = isHeld(figure)
  if (held === undefined) return ''
  return held ? 'held' : 'MISSED'
}

function spread({ range, unit }: Measured): string {
  return range ? ` (${shown(range[0])} to ${shown(range[1])}${unit === '' ? '' : ` ${unit}`})` : ''
}

/** Three digits at least, and cents of a cent where a figure is small. */
function shown(value: number): string {
  if (Number.isInteger(value)) return String(value)
  const size = Math.abs(value)
  return value.toFixed(size < 1 ? 4 : size < 10 ? 2 : size < 100 ? 1 : 0)
}

function target({ atMost, atLeast }: Measured): string {
  return [
    ...(atMost === undefined ? [] : [`≤ ${shown(atMost)}`]),
    ...(atLeast === undefined ? [] : [`≥ ${shown(atLeast)}`]),
  ].join(', ')
}
