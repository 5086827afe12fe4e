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
import { until } from '../support/until.ts'

const LETTER = { name: 'letter.txt', content: Buffer.from('Dear owner'), type: 'text/plain' }

let test: TestCloud
let assemblyDir: string

async function startWithout(removed: RemovedGrant): Promise<void> {
  assemblyDir = assemblyWithout(inject('assemblyDir'), removed)
  test = await startTestCloud({ assemblyDir })
}

/** What a function logged when it was refused. */
function refusal(functionName: string, action: string): string | undefined {
  return test.logs.find(
    (line) =>
      line.startsWith(`portage-local-${functionName} `) &&
      line.toLowerCase().includes(`is not authorized to perform: ${action.toLowerCase()}`),
  )
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
    await until(() => refusal('portals', 'dynamodb:Query'))
  })

  it('KMS: storage cannot be connected, because no key can be made for its tokens', async () => {
    await startWithout({ role: 'connectRole', action: 'kms:GenerateDataKey' })
    const http = test.browser()
    await http.signIn(OWNER)

    await expect(http.connectStorage(OWNER)).rejects.toThrow('INTERNAL')

    await until(() => refusal('connect', 'kms:GenerateDataKey'))
  })

  it('SQS: the file is never delivered, because nobody may queue its delivery', async () => {
    await startWithout({ role: 'takeinuploadRole', action: 'sqs:SendMessage' })
    const { portal } = await test.owner()

    await handOver(test.browser(), portal.id, [LETTER])

    await until(() => refusal('take-in-upload', 'sqs:SendMessage'))
    expect(await test.delivered()).toEqual([])
  })
})
