import * as contract from '../accounts.ts'
import type { RouteContract, RouteKey } from '../route.ts'
import { ACCOUNT_ID } from './example-ids.ts'

const tag = 'Storage accounts'

const entry = {
  provider: 'google',
  providerAccountId: '104857600104857600104',
  email: 'user@example.com',
  name: 'User Name',
  isConnected: true,
  storageAccountId: ACCOUNT_ID,
  storageStatus: 'ACTIVE',
  isAuthAccount: true,
  hasValidOAuth: true,
  storageProvider: 'google_drive',
  lastError: null,
  lastAccessedAt: '2026-03-01T12:00:00.000Z',
  quota: { usedBytes: 1_048_576, totalBytes: 16_106_127_360 },
} satisfies contract.AccountEntry

const byProvider = { 'by provider': { provider: 'google_drive' } }
const byId = { 'by id': { storageAccountId: ACCOUNT_ID } }
const CHOICE = ['ACCOUNT_NOT_FOUND', 'AMBIGUOUS_ACCOUNT'] as const

export const ACCOUNT_ROUTES = {
  'GET /api/storage/accounts': {
    id: 'listAccounts',
    tag,
    summary: 'Connected accounts with OAuth and storage status',
    description: 'One row per identity at a provider: its login, its storage account, or both.',
    caller: 'owner',
    replies: {
      200: {
        summary: 'The accounts',
        json: {
          schema: contract.accountsReply,
          examples: { 'one account': { accounts: [entry] } },
        },
      },
    },
  },
  'GET /api/v1/storage': {
    id: 'getStorage',
    tag,
    summary: 'Accounts, after mending what can be mended',
    description:
      'Accounts that their grants lack are created, and those that work again are reactivated. With `repair=false`, or for another site’s page, it only looks.',
    caller: 'owner',
    query: contract.storageQuery,
    replies: {
      200: {
        summary: 'The accounts, and what was mended',
        json: {
          schema: contract.storageReply,
          examples: {
            'nothing to mend': {
              accounts: [entry],
              activeStorageAccounts: [entry],
              fallbackInfo: {
                accountsCreated: 0,
                accountsReactivated: 0,
                accountsValidated: 1,
                errors: [],
              },
            },
          },
        },
      },
    },
    problems: ['BUSY'],
  },
  'POST /api/storage/deactivate': {
    id: 'deactivateAccount',
    tag,
    summary: 'Pause an account, or disconnect it',
    description:
      'Its portals stop. Paused, files stay readable and the tokens are kept; `mode: disconnected` ends the connection.',
    caller: 'owner',
    body: {
      schema: contract.deactivateRequest,
      examples: {
        ...byProvider,
        disconnect: { storageAccountId: ACCOUNT_ID, mode: 'disconnected' },
      },
    },
    replies: {
      200: {
        summary: 'Stopped',
        json: {
          schema: contract.deactivateReply,
          examples: {
            paused: {
              message: 'Storage account deactivated successfully',
              deactivatedPortals: 2,
            },
          },
        },
      },
    },
    problems: [...CHOICE, 'INVALID_TRANSITION'],
  },
  'POST /api/storage/reactivate': {
    id: 'reactivateAccount',
    tag,
    summary: 'Take an account up again',
    description:
      'The provider is asked first. Portals that stopped with the account start again; those that their owner stopped do not.',
    caller: 'owner',
    body: { schema: contract.accountChoice, examples: { ...byProvider, ...byId } },
    replies: {
      200: {
        summary: 'Active',
        json: {
          schema: contract.reactivateReply,
          examples: {
            reactivated: {
              message: 'Storage account reactivated successfully',
              reactivatedPortals: 2,
            },
          },
        },
      },
    },
    problems: [...CHOICE, 'INVALID_TRANSITION', 'RECONNECT_REQUIRED', 'PROVIDER_UNAVAILABLE'],
  },
  'POST /api/storage/disconnect': {
    id: 'disconnectAccount',
    tag,
    summary: 'End the connection',
    description: 'The tokens are destroyed. Files that were delivered stay at the provider.',
    caller: 'owner',
    body: { schema: contract.accountChoice, examples: { ...byId, ...byProvider } },
    replies: {
      200: {
        summary: 'Disconnected',
        json: {
          schema: contract.deactivateReply,
          examples: {
            disconnected: {
              message: 'Storage account disconnected successfully',
              deactivatedPortals: 2,
            },
          },
        },
      },
    },
    problems: [...CHOICE, 'INVALID_TRANSITION'],
  },
  'POST /api/storage/fix-accounts': {
    id: 'fixAccounts',
    tag,
    summary: 'Create missing accounts from OAuth grants',
    caller: 'owner',
    replies: {
      200: {
        summary: 'What was mended',
        json: {
          schema: contract.fixAccountsReply,
          examples: {
            fixed: {
              message: 'Storage accounts fixed successfully',
              summary: {
                created: 1,
                reactivated: 0,
                validated: 1,
                errors: [],
                reactivatedPortals: 0,
              },
            },
          },
        },
      },
    },
  },
  'POST /api/storage/sync-oauth-status': {
    id: 'syncOauthStatus',
    tag,
    summary: 'Bring each account’s status in line with its OAuth grant',
    caller: 'owner',
    replies: {
      200: {
        summary: 'What was changed',
        json: {
          schema: contract.syncReply,
          examples: {
            synced: {
              message: 'Storage accounts synced successfully',
              summary: {
                deactivatedPortals: 0,
                reactivatedPortals: 2,
                accountsChecked: 2,
                accountsUpdated: 1,
                errors: [],
              },
            },
          },
        },
      },
    },
  },
  'POST /api/storage/refresh-token': {
    id: 'refreshToken',
    tag,
    summary: 'Get a new access token now',
    description: 'The token itself is never answered.',
    caller: 'owner',
    body: { schema: contract.refreshTokenRequest, examples: byId },
    replies: {
      200: {
        summary: 'Refreshed',
        json: {
          schema: contract.refreshTokenReply,
          examples: {
            refreshed: { status: 'ACTIVE', expiresAt: '2026-03-01T13:00:00.000Z' },
          },
        },
      },
    },
    problems: ['ACCOUNT_NOT_FOUND', 'RECONNECT_REQUIRED', 'PROVIDER_UNAVAILABLE'],
  },
} as const satisfies Record<RouteKey, RouteContract>
