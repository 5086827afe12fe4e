/**
 * `npm run bench [-- <group>…] [--full] [--json FILE]`: the figures by which the product is judged,
 * as a table and as JSON. Absolute times are for trend only; what has a target is a count, a size,
 * a price or a ratio within this run.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { type BuiltStage, ensureBuiltStage } from '../../infra/local/built-stage.ts'
import { measureCalls } from './aws-calls.ts'
import { measureBundles, measureImports } from './build-figures.ts'
import { measureCommitLock } from './commit-lock.ts'
import { measureDelivery } from './delivery-rate.ts'
import { type Figure, figureJson, figureLines, isHeld } from './figure.ts'
import { measureIdleCost } from './idle-cost.ts'
import { measurePageSizes, measurePages } from './pages.ts'
import { measureLists, measureSchedules } from './read-units.ts'
import { measureStart } from './start-time.ts'
import { measureUploadCost } from './upload-cost.ts'
import { measureMemory } from './worker-memory.ts'

interface Group {
  what: string
  measure(stage: BuiltStage, options: { full: boolean }): Promise<Figure[]>
}

/** Each stands alone and leaves nothing behind. */
const GROUPS: Record<string, Group> = {
  bundles: { what: 'sizes of the functions', measure: measureBundles },
  imports: { what: 'loading an API handler, over a bare one', measure: measureImports },
  start: { what: 'time to ready of npm start', measure: measureStart },
  sizes: { what: 'sizes of the pages', measure: measurePageSizes },
  pages: { what: 'web vitals, axe, Lighthouse', measure: measurePages },
  calls: { what: 'AWS calls of an upload', measure: measureCalls },
  cost: { what: 'AWS cost of 1,000 uploads', measure: measureUploadCost },
  idle: { what: 'AWS cost of a stage that nobody uses', measure: measureIdleCost },
  lists: { what: 'read units of lists, with few and many uploads', measure: measureLists },
  schedules: { what: 'items that scheduled runs read', measure: measureSchedules },
  memory: { what: 'memory of the delivery worker up to 5 GiB', measure: measureMemory },
  'delivery-drive': {
    what: 'delivery to Drive against rclone',
    measure: (stage, options) => measureDelivery(stage, 'google', options),
  },
  'delivery-dropbox': {
    what: 'delivery to Dropbox against rclone',
    measure: (stage, options) => measureDelivery(stage, 'dropbox', options),
  },
  'delivery-lock': { what: 'delivery while Dropbox refuses commits', measure: measureCommitLock },
}
const DEFAULT_JSON = 'dist/bench.json'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    json: { type: 'string', default: DEFAULT_JSON },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
/** `delivery` stands for all groups whose names begin so. */
const groupsOf = (name: string) =>
  Object.keys(GROUPS).filter((group) => group === name || group.startsWith(`${name}-`))
const unknown = positionals.filter((name) => groupsOf(name).length === 0)
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no group ${unknown.join(', ')}.\n`)
  console.log('npm run bench [-- <group>…] [--full] [--json FILE]\n')
  for (const [name, { what }] of Object.entries(GROUPS)) console.log(`  ${name.padEnd(16)} ${what}`)
  console.log(
    `\n  --full           more rounds of delivery\n  --json           default ${DEFAULT_JSON}`,
  )
  process.exit(values.help ? 0 : 1)
}

const stage = await ensureBuiltStage((step) => console.log(step))
const names = positionals.length > 0 ? positionals.flatMap(groupsOf) : Object.keys(GROUPS)
const measured: (Figure & { group: string })[] = []
let broken = 0
for (const name of names) {
  const startedAt = performance.now()
  try {
    const figures = (await GROUPS[name]?.measure(stage, { full: values.full })) ?? []
    console.log(`\n${name}, ${seconds(startedAt)}`)
    for (const line of figureLines(figures)) console.log(`  ${line}`)
    measured.push(...figures.map((figure) => ({ group: name, ...figure })))
  } catch (error) {
    // The other groups are worth having all the same; the run fails at its end.
    broken += 1
    console.error(`\n${name} broke after ${seconds(startedAt)}:`, error)
  }
}
const report = {
  at: new Date().toISOString(),
  node: process.version,
  processors: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
  sources: stage.hash,
  figures: measured.map(({ group, ...figure }) => ({ group, ...figureJson(figure) })),
}
await mkdir(dirname(values.json), { recursive: true })
await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`)
const missed = measured.filter((figure) => isHeld(figure) === false).length
console.log(
  `\n${measured.length} figures, ${missed} missed, ${broken} groups broke; ${values.json}`,
)
process.exitCode = broken > 0 ? 1 : 0

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(0)} s`
}
