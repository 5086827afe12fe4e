import { recordId } from '../common.ts'
import type { RouteContract, RouteKey } from '../route.ts'
import * as contract from '../uploads.ts'
import {
  PORTAL_ID,
  PORTAL_TOKEN,
  READ_TOKEN,
  SECOND_UPLOAD_ID,
  SUBMISSION_ID,
  UPLOAD_ID,
  WRITE_TOKEN,
} from './example-ids.ts'

const tag = 'Client'
const params = { id: recordId('upl') }
const ofSubmission = { id: recordId('sub') }

const part = {
  partNumber: 1,
  url: 'https://staging.s3.us-east-1.amazonaws.com/staging/scan/example?X-Amz-Signature=…',
  headers: { 'content-type': 'application/pdf', 'if-none-match': '*' },
} satisfies contract.SignedPart

const plan = {
  uploadId: UPLOAD_ID,
  fileName: 'example.pdf',
  storageProvider: 'google_drive',
  status: 'pending',
  method: 'put',
  partSize: 52_428,
  partCount: 1,
  partUrls: [part],
} satisfies contract.UploadPlan

const tokens = { submissionId: SUBMISSION_ID, uploadToken: WRITE_TOKEN, readToken: READ_TOKEN }
const flat = {
  uploadId: UPLOAD_ID,
  fileName: 'example.pdf',
  storageProvider: 'google_drive',
  status: 'pending',
}

const contentHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const parts = [
  { partNumber: 1, etag: '"9bb58f26192e4ba00f01e2e7b136bbd8"' },
  { partNumber: 2, etag: '"5d41402abc4b2a76b9719d911017c592"' },
]
const staged = { uploadId: UPLOAD_ID, status: 'pending' } satisfies contract.CompleteReply

export const CLIENT_UPLOAD_ROUTES = {
  'POST /api/upload': {
    id: 'announceFiles',
    tag,
    summary: 'Hand over one small file, or announce files',
    description:
      'As a form it carries one file of at most 4 MiB. As JSON it announces files whose bytes then go straight to the signed URLs. With `submissionId` and its write token files are added to a hand-over.',
    caller: 'anybody',
    optionalToken: 'write',
    body: {
      schema: contract.intentRequest,
      examples: {
        'several files': {
          portalId: PORTAL_ID,
          clientName: 'Ada Client',
          files: [
            { fileName: 'example.pdf', fileSize: 52_428, mimeType: 'application/pdf' },
            {
              fileName: 'photo.jpg',
              fileSize: 2_097_152,
              mimeType: 'image/jpeg',
              relativePath: 'photos/photo.jpg',
              lastModified: 1_772_366_400_000,
            },
          ],
        },
        'one file': {
          portalId: PORTAL_ID,
          token: PORTAL_TOKEN,
          fileName: 'example.pdf',
          fileSize: 52_428,
          mimeType: 'application/pdf',
        },
      },
    },
    form: contract.formFields,
    replies: {
      201: {
        summary: 'Where the bytes go, or that they have come',
        json: {
          schema: contract.announceReply,
          examples: {
            'announced files': { success: true, ...tokens, uploads: [plan] },
            'one announced file': { success: true, ...tokens, uploads: [plan], ...flat },
            'a form': { success: true, ...flat, ...tokens },
          },
        },
      },
    },
    problems: [
      'TOKEN_REQUIRED',
      'TOKEN_INVALID',
      'TOKEN_EXPIRED',
      'PASSWORD_REQUIRED',
      'PORTAL_NOT_FOUND',
      'SUBMISSION_NOT_FOUND',
      'PORTAL_CANNOT_ACCEPT_UPLOADS',
      'FILE_TOO_LARGE',
      'TOO_MANY_ATTEMPTS',
      'TOO_MANY_SUBMISSIONS',
      'DAILY_LIMIT_REACHED',
      'INTAKE_CLOSED',
    ],
  },
  'POST /api/upload/{id}/parts': {
    id: 'signParts',
    tag,
    summary: 'Get URLs for parts of a file',
    caller: 'write',
    params,
    body: { schema: contract.signPartsRequest, examples: { 'two parts': { partNumbers: [2, 3] } } },
    replies: {
      200: {
        summary: 'The URLs, for a quarter of an hour',
        json: { schema: contract.signPartsReply, examples: { 'one part': { parts: [part] } } },
      },
    },
    problems: ['PART_OUT_OF_RANGE', 'UPLOAD_NOT_FOUND', 'UPLOAD_CLOSED', 'TOO_MANY_SIGNINGS'],
  },
  'GET /api/upload/{id}/parts': {
    id: 'listParts',
    tag,
    summary: 'Which parts have arrived',
    caller: 'write',
    params,
    replies: {
      200: {
        summary: 'The parts that are there',
        json: {
          schema: contract.listPartsReply,
          examples: {
            'one of three': {
              partSize: 8_388_608,
              partCount: 3,
              parts: [
                { partNumber: 1, size: 8_388_608, etag: '"9bb58f26192e4ba00f01e2e7b136bbd8"' },
              ],
            },
          },
        },
      },
    },
    problems: ['UPLOAD_NOT_FOUND', 'UPLOAD_CLOSED'],
  },
  'POST /api/upload/{id}/complete': {
    id: 'completeUpload',
    tag,
    summary: 'Say that a file’s last byte is sent',
    description: '`{}` is enough. Repeating it answers the same.',
    caller: 'write',
    params,
    body: {
      schema: contract.completeRequest,
      examples: { 'nothing but that': {}, 'a file in parts': { contentHash, parts } },
    },
    replies: {
      202: {
        summary: 'Received',
        json: { schema: contract.completeReply, examples: { received: staged } },
      },
    },
    problems: ['UPLOAD_NOT_FOUND', 'UPLOAD_INCOMPLETE', 'UPLOAD_CLOSED'],
  },
  'DELETE /api/upload/{id}': {
    id: 'cancelUpload',
    tag,
    summary: 'Take back a file that is not received yet',
    caller: 'write',
    params,
    replies: { 204: { summary: 'Taken back' } },
    problems: ['UPLOAD_NOT_FOUND', 'UPLOAD_CLOSED'],
  },
  'GET /api/submissions/{id}': {
    id: 'getSubmission',
    tag,
    summary: 'How far the files of a hand-over are',
    caller: 'read',
    params: ofSubmission,
    query: contract.submissionQuery,
    replies: {
      200: {
        summary: 'A page of files',
        headers: ['X-Next-Cursor'],
        json: {
          schema: contract.submissionReply,
          examples: {
            'one delivered, one on its way': {
              submissionId: SUBMISSION_ID,
              uploads: [
                {
                  uploadId: UPLOAD_ID,
                  fileName: 'example.pdf',
                  fileSize: 52_428,
                  status: 'uploaded',
                  destination: { storageProvider: 'google_drive', name: 'example.pdf' },
                },
                {
                  uploadId: SECOND_UPLOAD_ID,
                  fileName: 'photo.jpg',
                  fileSize: 2_097_152,
                  status: 'delivering',
                },
              ],
            },
          },
        },
      },
    },
  },
  'POST /api/submissions/{id}/complete': {
    id: 'completeSubmission',
    tag,
    summary: 'Say so of several files at once',
    caller: 'write',
    params: ofSubmission,
    body: {
      schema: contract.completeSubmissionRequest,
      examples: {
        'two files': {
          uploads: [
            { uploadId: UPLOAD_ID, contentHash },
            { uploadId: SECOND_UPLOAD_ID, parts },
          ],
        },
      },
    },
    replies: {
      202: {
        summary: 'Received',
        json: {
          schema: contract.completeSubmissionReply,
          examples: { received: { uploads: [staged] } },
        },
      },
    },
    problems: ['UPLOAD_NOT_FOUND', 'UPLOAD_INCOMPLETE', 'UPLOAD_CLOSED'],
  },
} as const satisfies Record<RouteKey, RouteContract>
