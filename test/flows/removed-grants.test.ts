import { rm } from 'node:fs/promises'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { assemblyWithout, type RemovedGrant } from '../support/assembly-without.ts'
import {
  announce,
  handOver,
  OWNER,
  putPart,
  startTestCloud,
  type TestCloud,
} from '../support/local-cloud.ts'
import { PROVIDERS } from '../support/providers.ts'
import { until } from '../support/until.ts'

const LETTER = { name: 'letter.txt', content: Buffer.from('Dear owner'), type: 'text/plain' }

let test: TestCloud
let assemblyDir: string

async function startWithout(removed: RemovedGrant): Promise<void> {
  assemblyDir = assemblyWithout(inject('assemblyDir'), removed)
  test = await startTestCloud({ assemblyDir })
}

/** How often a function has logged that it was refused this. */
function refusals(functionName: string, action: string): number {
  return test.logs.filter(
    (line) =>
      line.startsWith(`portage-local-${functionName} `) &&
      line.toLowerCase().includes(`is not authorized to perform: ${action.toLowerCase()}`),
  ).length
}

afterEach(async () => {
  await test.close()
  await rm(assemblyDir, { recursive: true })
})

describe('a grant that the stacks do not give', () => {
  it('S3: the presigned URL is refused, because its signer may not put objects', async () => {
    await startWithout({ role: 'clientuploadsRole', action: 's3:PutObject' })
    const { portal } = await test.owner()

    const { uploads } = await announce(test.browser(), portal.id, [LETTER])
    const part = uploads[0]?.partUrls[0]
    if (part === undefined) throw new Error('no part was signed')

    await expect(putPart(part, LETTER.content)).rejects.toThrow(/403.*AccessDenied/s)
  })

  it('DynamoDB: the list of portals fails, because the index may not be queried', async () => {
    await startWithout({ role: 'portalsRole', action: 'dynamodb:Query' })
    const http = test.browser()
    await http.signIn(OWNER)

    const reply = await http.send('GET', '/api/portals')

    expect(reply.status).toBe(500)
    expect(await reply.text()).not.toContain('dynamodb')
    await until(() => refusals('portals', 'dynamodb:Query'))
  })

  it('KMS: storage cannot be connected, because no key can be made for its tokens', async () => {
    await startWithout({ role: 'connectRole', action: 'kms:GenerateDataKey' })
    const http = test.browser()
    await http.signIn(OWNER)

    for (const { id } of PROVIDERS) {
      await expect(http.connectStorage(OWNER, { provider: id })).rejects.toThrow('INTERNAL')
    }

    await until(() => refusals('connect', 'kms:GenerateDataKey'))
  })

  it('SQS: the file is never delivered, because nobody may queue its delivery', async () => {
    await startWithout({ role: 'takeinuploadRole', action: 'sqs:SendMessage' })

    for (const { id } of PROVIDERS) {
      const { portal } = await test.owner({ provider: id })
      await handOver(test.browser(), portal.id, [LETTER])
    }

    await until(() => refusals('take-in-upload', 'sqs:SendMessage') >= PROVIDERS.length)
    for (const { id } of PROVIDERS) expect(await test.delivered(OWNER, id)).toEqual([])
  })
})
