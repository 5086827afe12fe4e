import { connect } from 'node:net'
import { GetObjectCommand, GetObjectTaggingCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insideEngine } from '../../support/contract-target.ts'
import { type Condition, postForm } from './post-form.ts'
import { MIB, type S3Suite, sampleBytes, startS3, startSuite } from './s3-harness.ts'

let s3: S3Suite
beforeAll(async () => {
  s3 = await startSuite()
})
afterAll(() => s3.close())

const ANY_KEY: [string, string, string] = ['starts-with', '$key', '']

// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
describe('a form', () => {
  it('stores its file with the headers, metadata and tags of its fields', async () => {
    const file = sampleBytes(3 * MIB + 11)
    const Tag = '<Tag><Key>scan</Key><Value>pending</Value></Tag>'
    const reply = await postForm(s3, {
      conditions: [
        ANY_KEY,
        ['starts-with', '$Content-Type', 'application/'],
        { 'x-amz-meta-origin': 'portal' },
        ['starts-with', '$tagging', ''],
        ['starts-with', '$Cache-Control', ''],
      ],
      fields: {
        key: 'form/whole',
        'Content-Type': 'application/pdf',
        'Cache-Control': 'no-cache',
        'x-amz-meta-origin': 'portal',
        tagging: `<Tagging><TagSet>${Tag}</TagSet></Tagging>`,
      },
      file,
    })
    const target = { Bucket: s3.bucket, Key: 'form/whole' }
    const got = await s3.client.send(new GetObjectCommand(target))
    const tags = await s3.client.send(new GetObjectTaggingCommand(target))

    expect(reply.status).toBe(204)
    expect(reply.headers.get('etag')).toBe(got.ETag)
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(file)).toBe(true)
    expect(got).toMatchObject({
      ContentType: 'application/pdf',
      CacheControl: 'no-cache',
      Metadata: { origin: 'portal' },
    })
    expect(tags.TagSet).toEqual([{ Key: 'scan', Value: 'pending' }])
  })

  it.each([
    ['note.txt', 'note.txt'],
    ['C:\\Users\\me\\note.txt', 'note.txt'],
    ['Résumé – ü.pdf', 'Résumé – ü.pdf'],
    ['$&.txt', '$&.txt'],
  ])('puts the name of the file %s for its variable', async (fileName, expected) => {
    const fields = { key: 'form/named/$' + '{filename}' }
    const conditions: Condition[] = [['starts-with', '$key', 'form/named/']]
    const reply = await postForm(s3, { conditions, fields, fileName })

    expect(reply.status).toBe(204)
    expect(await s3.sizeOf(`form/named/${expected}`)).toBe(5)
  })

  it.each([
    ['200', 200],
    ['201', 201],
    ['204', 204],
    ['418', 204],
  ])('that asks for status %s is answered %i', async (success_action_status, status) => {
    const fields = { key: 'form/status <&>', success_action_status }
    const reply = await postForm(s3, { conditions: [ANY_KEY, { success_action_status }], fields })
    const body = await reply.text()

    expect(reply.status).toBe(status)
    expect(body.includes('<Key>form/status &lt;&amp;&gt;</Key>')).toBe(status === 201)
  })

  it('that asks for a redirect is sent there with bucket, key and ETag', async () => {
    const success_action_redirect = 'https://example.com/done?from=form'
    const fields = { key: 'form/redirected', success_action_redirect }
    const reply = await postForm(s3, { conditions: [ANY_KEY, { success_action_redirect }], fields })
    const location = new URL(reply.headers.get('location') ?? '')

    expect(reply.status).toBe(303)
    expect(Object.fromEntries(location.searchParams)).toEqual({
      from: 'form',
      bucket: s3.bucket,
      key: 'form/redirected',
      etag: reply.headers.get('etag'),
    })
  })

  it('is verified by the checksum that it carries', async () => {
    const post = (value: string) =>
      postForm(s3, {
        conditions: [ANY_KEY, ['starts-with', '$x-amz-checksum-crc32', '']],
        fields: { key: 'form/checked', 'x-amz-checksum-crc32': value },
        file: '123456789',
      })

    expect(await (await post('AAAAAA==')).text()).toContain('<Code>BadDigest</Code>')
    expect(await s3.sizeOf('form/checked')).toBeUndefined()
    expect((await post('y/Q5Jg==')).status).toBe(204)
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
describe('the policy of a form', () => {
  const key = 'policy/x'
  type Options = Parameters<typeof postForm>[1]
  const refusals: [string, Options, number, string][] = [
    [
      'a value other than the one it asks for',
      { conditions: [{ key: 'policy/y' }], fields: { key } },
      403,
      'Policy Condition failed',
    ],
    [
      'a value other than the one that eq asks for',
      { conditions: [['eq', '$key', 'policy/y']], fields: { key } },
      403,
      'Policy Condition failed',
    ],
    [
      'a value that begins otherwise',
      { conditions: [['starts-with', '$key', 'user/']], fields: { key } },
      403,
      'Policy Condition failed',
    ],
    [
      'one of several content types that begins otherwise',
      {
        conditions: [ANY_KEY, ['starts-with', '$Content-Type', 'image/']],
        fields: { key, 'Content-Type': 'image/png,text/html' },
      },
      403,
      'Policy Condition failed',
    ],
    [
      'a field that it does not name',
      { conditions: [ANY_KEY], fields: { key, 'x-amz-meta-extra': '1' } },
      403,
      'Extra input fields: x-amz-meta-extra',
    ],
    [
      'a field that it asks for and that is missing',
      { conditions: [ANY_KEY, { 'x-amz-meta-needed': '1' }], fields: { key } },
      403,
      'Policy Condition failed',
    ],
    [
      'another bucket',
      { conditions: [ANY_KEY, { bucket: 'elsewhere' }], fields: { key } },
      403,
      'Policy Condition failed',
    ],
    [
      'a file that is too large',
      { conditions: [ANY_KEY, ['content-length-range', 0, 4]], fields: { key } },
      400,
      '<Code>EntityTooLarge</Code>',
    ],
    [
      'a file that is too small',
      { conditions: [ANY_KEY, ['content-length-range', 6, 10]], fields: { key } },
      400,
      '<Code>EntityTooSmall</Code>',
    ],
    [
      'anything once it has expired',
      { conditions: [ANY_KEY], fields: { key }, expiresInSeconds: -1 },
      403,
      'Policy expired',
    ],
    [
      'everything when it is no JSON',
      { conditions: [], policy: 'bm90IGpzb24=', fields: { key } },
      400,
      '<Code>InvalidPolicyDocument</Code>',
    ],
    [
      'everything when it knows another operator',
      { conditions: [ANY_KEY, ['ends-with', '$key', 'x']], fields: { key } },
      400,
      '<Code>InvalidPolicyDocument</Code>',
    ],
    [
      'a form without a key',
      { conditions: [ANY_KEY] },
      400,
      'Bucket POST must contain a field named',
    ],
  ]

  it.each(refusals)('refuses %s', async (_, options, status, reason) => {
    const reply = await postForm(s3, options)

    expect(await reply.text()).toContain(reason)
    expect(reply.status).toBe(status)
    expect(await s3.sizeOf(key)).toBeUndefined()
  })

  it('lets a file through whose length is at its limits, and fields to be ignored', async () => {
    for (const file of ['1234', '1234567']) {
      const conditions: Condition[] = [ANY_KEY, ['content-length-range', 4, 7]]
      const fields = { key: 'policy/limits', 'x-ignore-note': 'anything' }
      expect((await postForm(s3, { conditions, fields, file })).status).toBe(204)
      expect(await s3.sizeOf('policy/limits')).toBe(file.length)
    }
  })
})

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
describe('the signature of a form', () => {
  it.each<[string, number, (form: FormData) => void]>([
    ['SignatureDoesNotMatch', 403, (form) => form.set('x-amz-signature', '0'.repeat(64))],
    ['SignatureDoesNotMatch', 403, (form) => form.set('policy', 'e30=')],
    [
      'InvalidAccessKeyId',
      403,
      (form) => form.set('x-amz-credential', `AKIDNOBODY/${credentialScope(form)}`),
    ],
    ['InvalidArgument', 400, (form) => form.delete('x-amz-signature')],
    ['AccessDenied', 403, (form) => form.delete('policy')],
  ])('that does not hold is refused as %s', async (code, status, tamper) => {
    const options = { conditions: [ANY_KEY], fields: { key: 'forged' }, tamper }
    const reply = await postForm(s3, options)

    expect(await reply.text()).toContain(`<Code>${code}</Code>`)
    expect(reply.status).toBe(status)
    expect(await s3.sizeOf('forged')).toBeUndefined()
  })

  function credentialScope(form: FormData): string {
    return String(form.get('x-amz-credential')).split('/').slice(1).join('/')
  }
})

describe('the body of a form', () => {
  const post = (body: string, contentType = 'multipart/form-data; boundary=b') =>
    fetch(`${s3.endpoint}/${s3.bucket}`, {
      method: 'POST',
      body,
      headers: { 'content-type': contentType },
    })
  const part = (name: string, value: string) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`

  it.each([
    ['InvalidArgument', `${part('key', 'x')}--b--\r\n`],
    ['MalformedPOSTRequest', part('key', 'x')],
    ['MaxPostPreDataLengthExceeded', `${part('key', 'x'.repeat(21_000))}${part('file', 'x')}--b--`],
  ])('is refused as %s when it is not what a browser sends', async (code, body) => {
    const reply = await post(body)

    expect(reply.status).toBe(400)
    expect(await reply.text()).toContain(`<Code>${code}</Code>`)
  })

  it('needs the encoding of a form', async () => {
    expect((await post('key=x', 'application/x-www-form-urlencoded')).status).toBe(412)
  })
})

insideEngine('S3').describe('a form that is not signed', () => {
  it('may do what the policy of the bucket gives to everyone', async () => {
    const own = await startS3({
      bucket: {
        policy: {
          Statement: {
            Effect: 'Allow',
            Principal: '*',
            Action: 's3:PutObject',
            Resource: 'arn:aws:s3:::staging/drop/*',
          },
        },
      },
    })
    const post = async (key: string) => {
      const form = new FormData()
      form.set('key', key)
      form.set('file', new Blob(['dropped']), 'x')
      return (await fetch(`${own.endpoint}/staging`, { method: 'POST', body: form })).status
    }

    expect(await post('drop/x')).toBe(204)
    expect(await post('elsewhere')).toBe(403)
    expect(await own.sizeOf('drop/x')).toBe(7)
    await own.close()
  })

  it('that is refused before its file was read leaves the connection usable', async () => {
    const own = await startS3()
    const { hostname, port, host } = new URL(own.endpoint)
    const disposition = 'Content-Disposition: form-data; name='
    const file = `--b\r\n${disposition}"file"; filename="x"\r\n\r\n${'x'.repeat(4 * MIB)}\r\n--b--\r\n`
    const body = `--b\r\n${disposition}"key"\r\n\r\nx\r\n${file}`
    const head = `POST /staging HTTP/1.1\r\nHost: ${host}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${body.length}\r\n\r\n`
    const socket = connect(Number(port), hostname)
    socket.write(
      `${head}${body}GET /staging HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    )
    const replies = Buffer.concat(await socket.toArray()).toString()

    expect(replies.match(/HTTP\/1\.1 403/g)).toHaveLength(2)
    await own.close()
  })
})
