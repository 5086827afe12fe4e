/**
 * Many small files to a Dropbox whose lock refuses every second commit that meets another, against
 * one whose commits never meet: in turns, on the same cloud. Each file is to be there once.
 */
import type { BuiltStage } from '../../infra/local/built-stage.ts'
import type { IntentReply } from '../../shared/contract/uploads.ts'
import { OWNER } from './bench-cloud.ts'
import { deliverAll, type Load, stageFiles, stopFeeding } from './delivery-feed.ts'
import { type Figure, overRounds } from './figure.ts'
import { type ProviderCloud, withProviderCloud } from './provider-cloud.ts'
import { fastTempDir } from './temp-dir.ts'

const LOAD: Load = { worker: 'deliver-small', fileBytes: 256 * 1024, count: 500 }
const WARM_UP = { ...LOAD, count: 40 }
const ROUNDS = 3
const FULL_ROUNDS = 7
/** Without a length of its own no commit would ever meet another. */
const LOCKED = { namespaceLock: 'refuseEverySecond' }
const FREE = { namespaceLock: 'wait', commitMs: 0 }

export async function measureCommitLock(
  stage: BuiltStage,
  { full }: { full: boolean },
): Promise<Figure[]> {
  return withProviderCloud(stage, 'dropbox', fastTempDir(), async (bench) => {
    await stopFeeding(bench, LOAD.worker)
    await secondsOf(bench, FREE, WARM_UP)
    const rounds: { free: number; locked: number }[] = []
    while (rounds.length < (full ? FULL_ROUNDS : ROUNDS)) {
      const free = await secondsOf(bench, FREE, LOAD)
      rounds.push({ free, locked: await secondsOf(bench, LOCKED, LOAD) })
    }
    return [
      {
        name: 'time to Dropbox while its lock refuses every second commit, 500 × 256 KiB',
        ...overRounds(rounds.map(({ free, locked }) => locked / free)),
        unit: '×',
        atMost: 2,
        terms: `${rounds.length} rounds in turns; commits of 20 ms, those that meet another refused every second time, against instant ones that wait; each file is there once`,
      },
      { name: 'with the lock', ...overRounds(rounds.map(({ locked }) => locked)), unit: 's' },
      { name: 'without it', ...overRounds(rounds.map(({ free }) => free)), unit: 's' },
    ]
  })
}

async function secondsOf(bench: ProviderCloud, settings: object, load: Load): Promise<number> {
  await change(bench, settings)
  const intents = await stageFiles(bench, load)
  const seconds = await deliverAll(bench, load, intents)
  await mustBeThereOnce(bench, intents)
  return seconds
}

async function change({ providerUrl }: ProviderCloud, settings: object): Promise<void> {
  const response = await fetch(`${providerUrl}/_emulator/settings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(settings),
  })
  if (!response.ok) throw new Error(`the emulator refused its settings: ${await response.text()}`)
}

/** No file of the bench has the name of another, so one that came twice stands under a name of its own. */
async function mustBeThereOnce(bench: ProviderCloud, intents: IntentReply[]): Promise<void> {
  const response = await fetch(`${bench.providerUrl}/_emulator/files?account=${OWNER}`)
  const { files } = (await response.json()) as { files: { name: string; size: number }[] }
  const sizes = new Map(files.map(({ name, size }) => [name, size]))
  for (const { fileName } of intents.flatMap(({ uploads }) => uploads)) {
    const size = sizes.get(fileName)
    if (size !== LOAD.fileBytes) throw new Error(`${fileName} has ${size} bytes at Dropbox`)
  }
  const foreign = [...sizes.keys()].filter((name) => !/^bench-\d+\.bin$/.test(name))
  if (foreign.length > 0) throw new Error(`nobody sent ${foreign[0]}`)
}
