/**
 * A browser's upload form (`multipart/form-data`): its fields are read at once, the file streams.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
 */
import type { IncomingMessage } from 'node:http'
import { AwsError, type UploadForm } from '../engine.ts'
import { DelimitedReader } from './delimited-reader.ts'
import { invalidArgument } from './s3-errors.ts'

/** "The form data and boundaries (excluding the contents of the file) cannot exceed 20 KB." */
const MAX_FIELDS_BYTES = 20 * 1024
const CRLF = '\r\n'

/** Undefined when the request is none. Fields after the file are ignored, as S3 ignores them. */
export async function readUploadForm(request: IncomingMessage): Promise<UploadForm | undefined> {
  const contentType = request.headers['content-type'] ?? ''
  if (request.method !== 'POST' || !/^multipart\/form-data\b/i.test(contentType)) return undefined
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
  const name = boundary?.[1] ?? boundary?.[2]
  if (name === undefined) throw malformedForm()
  const delimiter = `${CRLF}--${name}`
  // The iterator must not destroy the request on a refusal, which still has to reach the client.
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false })
  const reader = new DelimitedReader(body, Buffer.from(CRLF))
  const fields = new Map<string, string>()
  let roomBytes = MAX_FIELDS_BYTES

  async function read(until: string): Promise<Buffer> {
    const bytes = await reader.readUntil(until, roomBytes)
    if (bytes === undefined) throw request.readableEnded ? malformedForm() : fieldsTooLarge()
    roomBytes -= bytes.length + until.length
    return bytes
  }

  async function release(): Promise<void> {
    await reader.release()
    request.resume()
  }

  try {
    await read(delimiter)
    for (;;) {
      if ((await read(CRLF)).toString().startsWith('--')) throw fileMissing()
      const part = partNames((await read(`${CRLF}${CRLF}`)).toString())
      if (part.name === 'file') {
        const file = reader.streamUntil(delimiter, malformedForm)
        return { fields: expandFileName(fields, part.fileName), file, release }
      }
      fields.set(part.name, (await read(delimiter)).toString())
    }
  } catch (error) {
    await release()
    throw error
  }
}

function partNames(headers: string): { name: string; fileName: string } {
  const disposition = /^content-disposition:\s*form-data(.*)$/im.exec(headers)?.[1] ?? ''
  const name = /;\s*name="([^"]*)"/i.exec(disposition)?.[1]
  if (name === undefined) throw malformedForm()
  const fileName = /;\s*filename="([^"]*)"/i.exec(disposition)?.[1] ?? ''
  return { name: name.toLowerCase(), fileName: fileName.split(/[/\\]/).at(-1) ?? '' }
}

/**
 * "Variables within the form fields are expanded before the POST policy is validated"; of a path
 * that a browser gives, the last segment is the name.
 */
function expandFileName(fields: Map<string, string>, fileName: string): Map<string, string> {
  const expanded = [...fields].map(([name, value]): [string, string] => [
    name,
    value.replaceAll(/\$\{filename\}/g, () => fileName),
  ])
  return new Map(expanded)
}

function malformedForm(): AwsError {
  return new AwsError(
    'MalformedPOSTRequest',
    'The body of your POST request is not well-formed multipart/form-data.',
    400,
  )
}

function fieldsTooLarge(): AwsError {
  return new AwsError(
    'MaxPostPreDataLengthExceeded',
    'Your POST request fields preceding the upload file were too large.',
    400,
  )
}

function fileMissing(): AwsError {
  return invalidArgument('POST requires exactly one file upload per request.', {
    ArgumentName: 'file',
    ArgumentValue: '0',
  })
}
