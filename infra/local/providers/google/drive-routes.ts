/** From a request of `/drive/v3/` or `/upload/drive/v3/` to its handler. */
import type { Exchange, Reply } from '../exchange.ts'
import { DriveError } from './drive-error.ts'
import {
  about,
  createFromMetadata,
  deleteFile,
  emptyTrash,
  exportFile,
  generateIds,
  getFile,
  listFiles,
  updateMetadata,
} from './drive-files.ts'
import { checkParameters, findDriveCall, noSuchMethod } from './drive-methods.ts'
import type { DriveParts } from './drive-parts.ts'
import { continueSession } from './resumable.ts'
import { handleUpload } from './upload-endpoint.ts'

type Handler = (parts: DriveParts, exchange: Exchange, fileId: string) => Reply | Promise<Reply>

const HANDLERS: Record<string, Handler> = {
  'drive.about.get': about,
  'drive.files.create': createFromMetadata,
  'drive.files.delete': deleteFile,
  'drive.files.emptyTrash': emptyTrash,
  'drive.files.export': exportFile,
  'drive.files.generateIds': generateIds,
  'drive.files.get': getFile,
  'drive.files.list': listFiles,
  'drive.files.update': updateMetadata,
}

export async function routeDrive(parts: DriveParts, exchange: Exchange): Promise<Reply> {
  const { method: verb, url } = exchange
  const isUpload = url.pathname.startsWith('/upload/')
  const uploadId = url.searchParams.get('upload_id')
  // A session's address is its own method: PUT, POST and DELETE of whatever it was opened for.
  if (isUpload && uploadId !== null) return await continueSession(parts, exchange, uploadId)

  const call = findDriveCall(verb, url.pathname)
  if (!call) throw noSuchMethod(url.pathname)
  const { method, fileId } = call
  exchange.operation = method.id
  checkParameters(method, url.searchParams)
  if (isUpload) return await handleUpload(parts, exchange, fileId === '' ? undefined : fileId)
  refuseOtherBodies(exchange)
  const handler = HANDLERS[method.id]
  if (!handler) throw new Error(`no handler of ${method.id}`)
  return await handler(parts, exchange, fileId)
}

/** Metadata is JSON, or is not read at all. */
function refuseOtherBodies({ request, body }: Exchange): void {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (body.declaredBytes === 0 || type === undefined || type === 'application/json') return
  throw new DriveError(400, 'badContent', `Unsupported content with type: ${type}`)
}
