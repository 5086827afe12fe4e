/**
 * `npm run bench`: the figures of the design as a table and as JSON in `dist/bench.json`. Absolute
 * times are for trend only; what has a target is a count, a size or a ratio within this run.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuiltStage } from '../../infra/local/built-stage.ts'
import { startLocalCloud } from '../../infra/local/local-cloud.ts'
import { measureCalls } from './aws-calls.ts'
import { type BenchCloud, openPortal } from './bench-cloud.ts'
import { measureBundles, measureImports, measurePages } from './build-figures.ts'
import { measureDelivery } from './delivery-rate.ts'
import { type Figure, printFigures } from './figure.ts'

const stage = await ensureBuiltStage((step) => console.log(step))
const dataDir = await mkdtemp(join(tmpdir(), 'portage-bench-'))
const startedAt = performance.now()
const cloud = await startLocalCloud({
  assemblyDir: stage.assemblyDir,
  siteDir: stage.siteDir,
  dataDir,
  ports: { edge: 0, aws: 0, google: 0 },
})
const figures: Figure[] = [
  {
    name: 'local cloud ready, built before',
    value: (performance.now() - startedAt) / 1000,
    unit: 's',
    atMost: 20,
  },
]
try {
  const bench: BenchCloud = { cloud, ...(await openPortal(cloud)) }
  figures.push(...(await measureBundles(stage)))
  figures.push(...(await measureImports(stage)))
  figures.push(...(await measurePages(stage)))
  figures.push(...(await measureCalls(bench)))
  figures.push(...(await measureDelivery(bench)))
} finally {
  await cloud.close()
  await rm(dataDir, { recursive: true, force: true })
}
await writeFile('dist/bench.json', `${JSON.stringify(figures, null, 2)}\n`)
printFigures(figures)
