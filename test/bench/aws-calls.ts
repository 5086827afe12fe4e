/** AWS calls of one upload, counted at the gateway by who makes them. */
import { randomBytes } from 'node:crypto'
import { announce, type BenchCloud, complete, delivered, sendBytes } from './bench-cloud.ts'
import type { Figure } from './figure.ts'

const FILE_BYTES = 10_000_000
const WARM_RUNS = 4
const LARGE_BYTES = 40_000_000

type Counts = Record<'client-uploads' | 'take-in-upload' | 'deliver', number>

export async function measureCalls(bench: BenchCloud): Promise<Figure[]> {
  const single = await warmed(() => phases(bench, randomBytes(FILE_BYTES)))
  const multipart = await warmed(() => phases(bench, randomBytes(LARGE_BYTES)))
  return [
    { name: 'AWS calls: intent, 10 MB', value: single.intent, unit: '', atMost: 3 },
    { name: 'AWS calls: intent, multipart', value: multipart.intent, unit: '', atMost: 4 },
    { name: 'AWS calls: complete, 10 MB', value: single.complete, unit: '', atMost: 3 },
    {
      name: 'AWS calls: complete, multipart without part list',
      value: multipart.complete,
      unit: '',
      atMost: 4,
    },
    { name: 'AWS calls: intake', value: single.intake, unit: '', atMost: 4 },
    { name: 'AWS calls: delivery, one chunk', value: single.delivery, unit: '', atMost: 8 },
  ]
}

type Calls = Awaited<ReturnType<typeof phases>>

/** Early uploads pay for secrets, folders and data keys that each environment then keeps. */
async function warmed(measure: () => Promise<Calls>): Promise<Calls> {
  const runs: Calls[] = []
  while (runs.length < WARM_RUNS) runs.push(await measure())
  const least = (phase: keyof Calls) => Math.min(...runs.map((calls) => calls[phase]))
  return {
    intent: least('intent'),
    // Completing what intake has taken in already is cheaper; the dear case counts.
    complete: Math.max(...runs.slice(1).map((calls) => calls.complete)),
    intake: least('intake'),
    delivery: least('delivery'),
  }
}

async function phases(bench: BenchCloud, content: Buffer) {
  const { gateway } = bench.cloud
  const counted = async (step: () => Promise<unknown>): Promise<Counts> => {
    gateway.resetCalls()
    await step()
    return countByFunction(bench)
  }
  let intents: Awaited<ReturnType<typeof announce>> = []
  const intent = await counted(async () => {
    intents = await announce(bench, content, 1)
  })
  const [first] = intents
  const plan = first?.uploads[0]
  if (!first || !plan) throw new Error('The intent named no file')
  await sendBytes(bench, first, plan, content)
  gateway.resetCalls()
  const completed = await counted(() => complete(bench, first, plan))
  const rest = countByFunction(bench)
  await delivered(bench, intents)
  await settled(bench)
  const worked = countByFunction(bench)
  return {
    intent: intent['client-uploads'],
    complete: completed['client-uploads'],
    intake: Math.max(worked['take-in-upload'], rest['take-in-upload']),
    delivery: worked.deliver,
  }
}

/** Workers clean up after the status has changed. */
async function settled(bench: BenchCloud): Promise<void> {
  for (let same = 0, last = -1; same < 5; ) {
    const { deliver } = countByFunction(bench)
    same = deliver === last ? same + 1 : 0
    last = deliver
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function countByFunction({ cloud }: BenchCloud): Counts {
  const counts: Counts = { 'client-uploads': 0, 'take-in-upload': 0, deliver: 0 }
  for (const { principalArn, operation, count } of cloud.gateway.calls()) {
    const role = principalArn.toLowerCase()
    // Presigned requests are the browser's; they carry the signer's role.
    if (operation === 'PutObject' || operation === 'UploadPart') continue
    if (role.includes('clientuploads')) counts['client-uploads'] += count
    if (role.includes('takeinupload')) counts['take-in-upload'] += count
    if (role.includes('deliver')) counts.deliver += count
  }
  return counts
}
