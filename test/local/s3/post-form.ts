/** A browser's upload form, signed as AWS's documentation says, since no SDK client here makes one. */
import { createHmac } from 'node:crypto'
import type { S3Suite } from './s3-harness.ts'

export type Condition = Record<string, string> | [string, ...(string | number)[]]

interface FormOptions {
  conditions: Condition[]
  fields?: Record<string, string>
  file?: string | Buffer
  fileName?: string
  expiresInSeconds?: number
  /** Changes the fields after they were signed. */
  tamper?: (form: FormData) => void
  /** Base64 of something that is no policy. */
  policy?: string
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** Posts the form; fields that the signature needs are conditions of the policy by themselves. */
export async function postForm(s3: S3Suite, options: FormOptions): Promise<Response> {
  const { conditions, fields = {}, file = 'bytes', fileName = 'note.txt' } = options
  const credentials = await s3.client.config.credentials()
  const nowMs = Date.now()
  const amzDate = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = [amzDate.slice(0, 8), s3.region, 's3', 'aws4_request']
  const signing: Record<string, string> = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': [credentials.accessKeyId, ...scope].join('/'),
    'x-amz-date': amzDate,
    ...(credentials.sessionToken && { 'x-amz-security-token': credentials.sessionToken }),
  }
  const document = {
    expiration: new Date(nowMs + (options.expiresInSeconds ?? 60) * 1000).toISOString(),
    conditions: [
      { bucket: s3.bucket },
      ...Object.entries(signing).map(([name, value]) => ({ [name]: value })),
      ...conditions,
    ],
  }
  const policy = options.policy ?? Buffer.from(JSON.stringify(document)).toString('base64')
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`)
  const form = new FormData()
  const signature = hmac(Buffer.from(key), policy).toString('hex')
  const all = { ...fields, ...signing, policy, 'x-amz-signature': signature }
  for (const [name, value] of Object.entries(all)) form.set(name, value)
  options.tamper?.(form)
  form.set('file', new Blob([new Uint8Array(Buffer.from(file))]), fileName)
  return fetch(`${s3.endpoint}/${s3.bucket}`, { method: 'POST', body: form, redirect: 'manual' })
}
