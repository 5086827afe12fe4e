import { recordId } from '../common.ts'
import type { RouteContract, RouteKey } from '../route.ts'
import * as contract from '../uploads.ts'
import { ACCOUNT_ID, PORTAL_ID, SUBMISSION_ID, UPLOAD_ID } from './example-ids.ts'

const tag = 'Files'
const params = { id: recordId('upl') }

const upload = {
  id: UPLOAD_ID,
  portalId: PORTAL_ID,
  submissionId: SUBMISSION_ID,
  fileName: 'example.pdf',
  relativePath: null,
  fileSize: 52_428,
  mimeType: 'application/pdf',
  status: 'uploaded',
  reason: null,
  late: false,
  retryAt: null,
  storageProvider: 'google_drive',
  storageAccountId: ACCOUNT_ID,
  intendedStorageAccountId: ACCOUNT_ID,
  storageFileId: '1a2B3c4D5e6F7g8H9i0J',
  storagePath: 'Clients/Receipts/example.pdf',
  storageStatus: 'ACTIVE',
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  contentHash: '5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456',
  clientName: 'Ada Client',
  clientEmail: 'client@example.com',
  clientMessage: null,
  createdAt: '2026-03-01T12:00:00.000Z',
  receivedAt: '2026-03-01T12:00:04.000Z',
  deliveredAt: '2026-03-01T12:00:09.000Z',
} satisfies contract.UploadReply

const held = {
  ...upload,
  status: 'held',
  reason: 'ACCOUNT_INACTIVE',
  retryAt: '2026-03-01T12:30:00.000Z',
  storageAccountId: null,
  storageFileId: null,
  storagePath: null,
  storageStatus: 'INACTIVE',
  sha256: null,
  contentHash: null,
  deliveredAt: null,
} satisfies contract.UploadReply

export const UPLOAD_ROUTES = {
  'GET /api/v1/uploads': {
    id: 'listUploads',
    tag,
    summary: 'The owner’s files, newest first',
    description:
      'All of them, or those of one portal, account or client, from one time to another. With `status` or `q`, the beginning of the name, a page may be short although more follows.',
    caller: 'owner',
    query: contract.uploadsQuery,
    replies: {
      200: {
        summary: 'A page of files',
        headers: ['X-Next-Cursor'],
        json: {
          schema: contract.uploadsReply,
          examples: { 'one delivered, one held': { uploads: [upload, held] } },
        },
      },
    },
    problems: ['PORTAL_NOT_FOUND', 'ACCOUNT_NOT_FOUND'],
  },
  'GET /api/uploads/{id}': {
    id: 'getUpload',
    tag,
    summary: 'One file',
    caller: 'owner',
    params,
    replies: {
      200: {
        summary: 'The file',
        json: { schema: contract.uploadReply, examples: { delivered: upload } },
      },
    },
    problems: ['UPLOAD_NOT_FOUND'],
  },
  'DELETE /api/uploads/{id}': {
    id: 'deleteUpload',
    tag,
    summary: 'Delete a file, in the cloud and here',
    description:
      'What the provider no longer has counts as deleted. With `recordOnly=true` the file stays where it is and is forgotten here.',
    caller: 'owner',
    params,
    query: contract.deleteUploadQuery,
    replies: {
      200: {
        summary: 'Deleted',
        json: {
          schema: contract.deleteUploadReply,
          examples: {
            deleted: {
              success: true,
              message: 'File deleted successfully',
              deletedFromCloud: true,
              deletedFromDatabase: true,
            },
          },
        },
      },
    },
    problems: ['UPLOAD_NOT_FOUND', 'FILE_UNAVAILABLE', 'PROVIDER_UNAVAILABLE'],
  },
  'POST /api/uploads/{id}/retry': {
    id: 'retryUpload',
    tag,
    summary: 'Try now what is held',
    caller: 'owner',
    params,
    replies: {
      202: {
        summary: 'It is due now',
        json: { schema: contract.uploadReply, examples: { due: held } },
      },
    },
    problems: ['UPLOAD_NOT_FOUND', 'NOT_RETRYABLE'],
  },
  'GET /api/uploads/{id}/download': {
    id: 'downloadUpload',
    tag,
    summary: 'Get the bytes of a file',
    description:
      'Small files come at once. For others the first answer is 202; ask again until it is a redirect.',
    caller: 'owner',
    params,
    replies: {
      200: { summary: 'The file', isFile: true },
      202: {
        summary: 'It is being fetched',
        headers: ['Retry-After'],
        json: {
          schema: contract.preparingReply,
          examples: { preparing: { status: 'preparing', retryAfterSeconds: 2 } },
        },
      },
      302: { summary: 'Where the file is, for a minute', headers: ['Location'] },
    },
    problems: [
      'FORBIDDEN_ORIGIN',
      'UPLOAD_NOT_FOUND',
      'FILE_UNAVAILABLE',
      'BUSY',
      'PROVIDER_UNAVAILABLE',
    ],
  },
  'POST /api/clients/erase': {
    id: 'eraseClient',
    tag,
    summary: 'Erase what is kept of a client',
    description:
      'By one hand-over, or by the address that a client gave. Name, address and message are gone, files that were not delivered are removed with their bytes, and the client’s own status page ends. Delivered files are the owner’s: they stay, and are deleted one by one.',
    caller: 'owner',
    body: {
      schema: contract.eraseClientRequest,
      examples: {
        'by hand-over': { submissionId: SUBMISSION_ID },
        'by address': { clientEmail: 'client@example.com' },
      },
    },
    replies: {
      200: {
        summary: 'Erased, or as much of it as one call does',
        json: {
          schema: contract.eraseClientReply,
          examples: {
            erased: {
              success: true,
              message: 'Client erased successfully',
              erasedSubmissions: 2,
              removedFiles: 1,
              complete: true,
            },
          },
        },
      },
    },
    problems: ['SUBMISSION_NOT_FOUND', 'BUSY'],
  },
} as const satisfies Record<RouteKey, RouteContract>
