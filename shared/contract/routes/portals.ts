import { recordId } from '../common.ts'
import { MAX_FILE_BYTES, MAX_FILES_PER_INTENT } from '../limits.ts'
import * as contract from '../portals.ts'
import type { RouteContract, RouteKey } from '../route.ts'
import { ACCOUNT_ID, BACKUP_ACCOUNT_ID, PORTAL_ID, PORTAL_TOKEN } from './example-ids.ts'

const tag = 'Portals'
const params = { id: recordId('prt') }
const bySlug = { slug: contract.slug }

const portal = {
  id: PORTAL_ID,
  name: 'Client Portal',
  slug: 'client-portal',
  storageProvider: 'google_drive',
  storageAccountId: ACCOUNT_ID,
  isActive: true,
  _count: { uploads: 42 },
  requireClientName: true,
  requireClientEmail: false,
  fields: { clientName: 'required', clientEmail: 'optional', clientMessage: 'optional' },
  instructions: 'Please hand over your receipts of this year.',
  allowedTypes: ['.pdf', 'image/*'],
  maxFileBytes: 104_857_600,
  maxFiles: null,
  maxTotalBytes: null,
  deadline: '2026-12-31T17:00:00.000Z',
  graceMinutes: 60,
  clientFolders: false,
  storageFolderPath: 'Clients/Receipts',
  storageFolderId: null,
  backupStorageAccountIds: [],
  passwordRequired: false,
  deactivatedBy: null,
  deactivatedAt: null,
  deactivationReason: null,
  acceptsUploads: true,
  requiresUserAction: false,
  version: 3,
  createdAt: '2026-03-01T12:00:00.000Z',
  updatedAt: '2026-03-02T09:30:00.000Z',
} satisfies contract.PortalReply

const stopped = {
  ...portal,
  isActive: false,
  deactivatedBy: 'SYSTEM',
  deactivatedAt: '2026-03-03T08:00:00.000Z',
  deactivationReason: 'STORAGE_INACTIVE',
  acceptsUploads: false,
  reason: 'STORAGE_INACTIVE',
  requiresUserAction: true,
} satisfies contract.PortalReply

const openPortal = {
  portalId: PORTAL_ID,
  name: 'Client Portal',
  passwordRequired: false,
  instructions: portal.instructions,
  fields: portal.fields,
  limits: {
    maxFileBytes: MAX_FILE_BYTES,
    maxFilesPerIntent: MAX_FILES_PER_INTENT,
    allowedTypes: portal.allowedTypes,
  },
  deadline: portal.deadline,
  acceptsUploads: true,
} satisfies contract.PublicPortalReply

const onePortal = { schema: contract.portalReply, examples: { portal } }

export const PORTAL_ROUTES = {
  'GET /api/portals': {
    id: 'listPortals',
    tag,
    summary: 'The owner’s portals, newest first',
    caller: 'owner',
    query: contract.portalsQuery,
    replies: {
      200: {
        summary: 'A page of portals',
        headers: ['X-Next-Cursor'],
        json: {
          schema: contract.portalsReply,
          examples: { 'one open, one stopped': [portal, stopped] },
        },
      },
    },
  },
  'POST /api/portals': {
    id: 'createPortal',
    tag,
    summary: 'Create a portal',
    description:
      'It needs an ACTIVE account. With `cloneOf` the settings of that portal are the defaults.',
    caller: 'owner',
    body: {
      schema: contract.createPortalRequest,
      examples: {
        'a new portal': {
          name: 'New Portal',
          slug: 'new-portal',
          storageProvider: 'google_drive',
          storageAccountId: ACCOUNT_ID,
          requireClientName: true,
          requireClientEmail: false,
        },
        'with limits and a password': {
          name: 'Tax 2026',
          slug: 'tax-2026',
          storageProvider: 'google_drive',
          storageAccountId: ACCOUNT_ID,
          fields: { clientName: 'required', clientEmail: 'required', clientMessage: 'hidden' },
          instructions: portal.instructions,
          allowedTypes: ['.pdf'],
          maxFileBytes: 104_857_600,
          maxFiles: 500,
          maxTotalBytes: 10_737_418_240,
          deadline: '2026-12-31T17:00:00Z',
          graceMinutes: 60,
          clientFolders: true,
          storageFolderPath: 'Clients/Tax 2026',
          backupStorageAccountIds: [BACKUP_ACCOUNT_ID],
          password: 'four common words here',
        },
        'a clone': {
          name: 'Tax 2027',
          slug: 'tax-2027',
          storageProvider: 'google_drive',
          storageAccountId: ACCOUNT_ID,
          cloneOf: PORTAL_ID,
        },
      },
    },
    replies: { 201: { summary: 'The portal', headers: ['ETag'], json: onePortal } },
    problems: [
      'ACCOUNT_NOT_FOUND',
      'PORTAL_NOT_FOUND',
      'ACCOUNT_NOT_ACTIVE',
      'SLUG_TAKEN',
      'TOO_MANY_ATTEMPTS',
    ],
  },
  'GET /api/portals/{id}': {
    id: 'getPortal',
    tag,
    summary: 'One portal',
    caller: 'owner',
    params,
    replies: { 200: { summary: 'The portal', headers: ['ETag'], json: onePortal } },
    problems: ['PORTAL_NOT_FOUND'],
  },
  'PUT /api/portals/{id}': {
    id: 'updatePortal',
    tag,
    summary: 'Change a portal',
    description:
      'Members that are absent stay as they are. Another account takes future files only.',
    caller: 'owner',
    params,
    ifMatch: true,
    body: {
      schema: contract.updatePortalRequest,
      examples: {
        close: { isActive: false },
        'no password any more': { password: null },
        'another account': { storageAccountId: BACKUP_ACCOUNT_ID },
      },
    },
    replies: { 200: { summary: 'The portal as it is now', headers: ['ETag'], json: onePortal } },
    problems: [
      'PORTAL_NOT_FOUND',
      'ACCOUNT_NOT_FOUND',
      'ACCOUNT_NOT_ACTIVE',
      'SLUG_TAKEN',
      'TOO_MANY_ATTEMPTS',
    ],
  },
  'DELETE /api/portals/{id}': {
    id: 'deletePortal',
    tag,
    summary: 'Delete a portal',
    description:
      'Its files are kept and stay in the lists. Its link comes back to this owner only.',
    caller: 'owner',
    params,
    replies: {
      200: {
        summary: 'Deleted',
        json: {
          schema: contract.deletePortalReply,
          examples: { deleted: { success: true, message: 'Portal deleted successfully' } },
        },
      },
    },
    problems: ['PORTAL_NOT_FOUND', 'VERSION_STALE'],
  },
  'GET /api/portals/public/{slug}': {
    id: 'getPublicPortal',
    tag: 'Client',
    summary: 'What a portal asks for',
    description: 'Before the password only the name. Unknown and deleted links answer alike.',
    caller: 'anybody',
    optionalToken: 'portal',
    params: bySlug,
    replies: {
      200: {
        summary: 'The portal',
        json: {
          schema: contract.publicPortalReply,
          examples: {
            open: openPortal,
            closed: { ...openPortal, acceptsUploads: false, reason: 'closed' },
            'before the password': {
              portalId: PORTAL_ID,
              name: 'Client Portal',
              passwordRequired: true,
            },
          },
        },
      },
    },
    problems: ['PORTAL_NOT_FOUND', 'TOO_MANY_ATTEMPTS', 'BUSY'],
  },
  'POST /api/portals/public/{slug}/verify': {
    id: 'verifyPortalPassword',
    tag: 'Client',
    summary: 'Give the password of a portal',
    description: 'Five attempts per quarter of an hour and address.',
    caller: 'anybody',
    params: bySlug,
    body: {
      schema: contract.verifyPasswordRequest,
      examples: { password: { password: 'four common words here' } },
    },
    replies: {
      200: {
        summary: 'A token for an hour',
        json: {
          schema: contract.verifyPasswordReply,
          examples: { token: { token: PORTAL_TOKEN, expiresAt: '2026-03-01T13:00:00.000Z' } },
        },
      },
    },
    problems: ['WRONG_PASSWORD', 'PORTAL_NOT_FOUND', 'TOO_MANY_ATTEMPTS'],
  },
} as const satisfies Record<RouteKey, RouteContract>
