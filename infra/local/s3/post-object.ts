/** PostObject: a browser's form stores its file, as far as the form's policy allows. */
import type { ServerResponse } from 'node:http'
import type { UploadForm } from '../engine.ts'
import { requireTags } from './object-headers.ts'
import { receiveObject, setWrittenHeaders } from './object-operations.ts'
import type { ObjectRecord } from './object-table.ts'
import { type FileLimits, requirePostPolicy } from './post-policy.ts'
import { MAX_BODY_BYTES } from './request-body.ts'
import type { S3Context } from './s3-context.ts'
import type { S3Request } from './s3-request.ts'
import { parseTagging, sendXml } from './xml.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html */
export async function postObject(
  context: S3Context,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { form } = request.call
  if (!form) throw new Error('PostObject was routed without its form')
  const tagging = form.fields.get('tagging')
  const tags = tagging === undefined ? {} : parseTagging(tagging)
  requireTags(tags)
  const limits = fileLimits(context, request, form)
  const record = await receiveObject(context, request, { reason: 'PostObject', tags, limits })
  answer(request, form, response, record)
}

/** A form without a policy is anonymous: then the bucket's policy has allowed it. */
function fileLimits(context: S3Context, request: S3Request, { fields }: UploadForm): FileLimits {
  const policy = fields.get('policy')
  if (policy === undefined) return { minBytes: 0, maxBytes: MAX_BODY_BYTES }
  const conditioned = new Map([...fields, ['bucket', request.bucket]])
  const { minBytes, maxBytes } = requirePostPolicy(policy, conditioned, context.clock.now())
  return { minBytes, maxBytes: Math.min(maxBytes, MAX_BODY_BYTES) }
}

/** 204 unless the form asks for 200, for 201 with a document, or for a redirect. */
function answer(
  { bucket, key, call }: S3Request,
  { fields }: UploadForm,
  response: ServerResponse,
  record: ObjectRecord,
): void {
  setWrittenHeaders(response, record)
  const etag = `"${record.etag}"`
  const redirect = fields.get('success_action_redirect') ?? fields.get('redirect') ?? ''
  const target = URL.parse(redirect)
  if (target) {
    for (const [name, value] of Object.entries({ bucket, key, etag })) {
      target.searchParams.set(name, value)
    }
    response.writeHead(303, { location: target.href, 'content-length': 0 })
    response.end()
    return
  }
  const path = key.split('/').map(encodeURIComponent).join('/')
  const location = `http://${call.request.headers.host}/${bucket}/${path}`
  response.setHeader('location', location)
  const status = fields.get('success_action_status')
  if (status === '201') {
    const document = { Location: location, Bucket: bucket, Key: key, ETag: etag }
    sendXml(response, 'PostResponse', document, 201)
    return
  }
  response.writeHead(status === '200' ? 200 : 204)
  response.end()
}
