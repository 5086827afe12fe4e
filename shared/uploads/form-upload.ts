/** The small form-data upload of the printed API: intent, bytes and completion in one request. */
import busboy from 'busboy'
import * as z from 'zod'
import { FORM_UPLOAD_MAX_BYTES } from '../contract/limits.ts'
import { fileIntent, formFields } from '../contract/uploads.ts'
import { PortageError } from '../errors.ts'
import { OnePassDigests } from '../providers/one-pass-digests.ts'
import { type CreateSubmissionDeps, createSubmission } from './create-submission.ts'
import type { Client } from './intent.ts'

export interface FormFile {
  name: string
  mimeType: string
  bytes: Buffer
}

export interface Form {
  fields: Record<string, string>
  file: FormFile | undefined
}

const MAX_FIELDS = 20
const MAX_FIELD_BYTES = 8 * 1024

/** Reads a multipart/form-data body (https://www.rfc-editor.org/rfc/rfc7578). */
export function readForm(contentType: string, body: Buffer): Promise<Form> {
  return new Promise((resolve, reject) => {
    // Without a prototype, so that `__proto__` is a field like any other and refused like any other.
    const form: Form = { fields: Object.create(null), file: undefined }
    const refuse = (field: string, message: string) =>
      reject(
        new PortageError('INVALID_REQUEST', `${field} ${message}.`, {
          fields: [{ field, message }],
        }),
      )
    const malformed = () =>
      reject(new PortageError('INVALID_REQUEST', 'The form ends early or is not well formed.'))
    let parser: busboy.Busboy
    try {
      parser = busboy({
        headers: { 'content-type': contentType },
        // Browsers send file names as UTF-8 bytes; busboy would read them as Latin-1.
        defParamCharset: 'utf8',
        preservePath: true,
        limits: {
          fields: MAX_FIELDS,
          fieldSize: MAX_FIELD_BYTES,
          files: 1,
          // busboy calls a file too large as soon as it reaches this size.
          fileSize: FORM_UPLOAD_MAX_BYTES + 1,
        },
      })
    } catch {
      return reject(
        new PortageError('UNSUPPORTED_MEDIA_TYPE', 'Send the form as multipart/form-data.'),
      )
    }
    // A part may come without any name.
    parser.on('field', (name: string | undefined = '', value) => {
      if (name in form.fields) return refuse(name, 'is given twice')
      form.fields[name] = value
    })
    parser.on('file', (name, stream, info) => {
      const chunks: Buffer[] = []
      if (name !== 'file') refuse(name, 'is not a known field')
      stream.on('limit', () =>
        reject(
          new PortageError(
            'FILE_TOO_LARGE',
            'Files of more than 4 MiB are announced with a JSON body.',
          ),
        ),
      )
      // A form that ends within the file fails here too; unheard, that would end the process.
      stream.on('error', malformed)
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        form.file = {
          name: info.filename ?? '',
          mimeType: info.mimeType,
          bytes: Buffer.concat(chunks),
        }
      })
    })
    parser.on('filesLimit', () => refuse('file', 'may be given once'))
    parser.on('fieldsLimit', () => refuse('form', 'has too many fields'))
    parser.on('error', malformed)
    parser.on('close', () => resolve(form))
    parser.end(body)
  })
}

/** Takes a whole small file in. The form's fields are checked by the same contract as the JSON intent's. */
export async function uploadForm(
  deps: CreateSubmissionDeps,
  form: Form,
  client: Client,
  parse: <Schema extends z.ZodType>(schema: Schema, value: unknown) => z.output<Schema>,
) {
  const fields = parse(formFields, form.fields)
  if (!form.file) {
    throw new PortageError('INVALID_REQUEST', 'file is required.', {
      fields: [{ field: 'file', message: 'is required' }],
    })
  }
  const file = parse(z.object({ file: fileIntent }), {
    file: {
      fileName: form.file.name,
      fileSize: form.file.bytes.length,
      mimeType: form.file.mimeType,
    },
  }).file
  const intent = await createSubmission(deps, { ...fields, files: [file] }, client)
  const [upload] = intent.uploads
  if (!upload) throw new Error('An intent of one file answered none')
  const digests = new OnePassDigests({})
  digests.update(form.file.bytes)
  const noted = await deps.uploads.noteContentHash(upload.uploadId, digests.digest().contentHash)
  if (!noted?.changed) throw new Error('An intent that was just written has ended')
  await deps.staging.put(noted.upload.stagingKey, form.file.bytes)
  const { submissionId, uploadToken, readToken } = intent
  return {
    success: true as const,
    uploadId: upload.uploadId,
    fileName: upload.fileName,
    storageProvider: upload.storageProvider,
    status: upload.status,
    submissionId,
    uploadToken,
    readToken,
  }
}
