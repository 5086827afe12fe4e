/**
 * The examples of the source document's chapter "API Endpoints", as they are printed there. '...'
 * stands for text that is not printed; everything else is meant to the letter.
 */

const ACCOUNT = {
  provider: 'google',
  providerAccountId: '...',
  email: 'user@example.com',
  name: 'User Name',
  isConnected: true,
  storageAccountId: '...',
  storageStatus: 'ACTIVE',
  isAuthAccount: true,
  hasValidOAuth: true,
}

export const PRINTED = {
  'GET /api/storage/accounts': {
    response: { accounts: [ACCOUNT] },
  },
  'GET /api/v1/storage': {
    response: {
      // Printed as [...]: entries of the same shape.
      accounts: [ACCOUNT],
      activeStorageAccounts: [ACCOUNT],
      fallbackInfo: {
        accountsCreated: 0,
        accountsReactivated: 0,
        accountsValidated: 2,
        errors: [],
      },
    },
  },
  'POST /api/storage/deactivate': {
    request: { provider: 'google_drive' },
    response: {
      message: 'Storage account deactivated successfully',
      deactivatedPortals: 2,
    },
  },
  'POST /api/storage/reactivate': {
    request: { provider: 'google_drive' },
    response: {
      message: 'Storage account reactivated successfully',
      reactivatedPortals: 2,
    },
  },
  'POST /api/storage/fix-accounts': {
    response: {
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
  'POST /api/storage/sync-oauth-status': {
    response: {
      message: 'Storage accounts synced successfully',
      summary: {
        deactivatedPortals: 0,
        reactivatedPortals: 2,
      },
    },
  },
  'POST /api/upload': {
    // FormData: `file`, and these; all but `portalId` are optional.
    request: {
      portalId: '...',
      clientName: '...',
      clientEmail: '...',
      clientMessage: '...',
      token: '...',
    },
    response: {
      success: true,
      uploadId: '...',
      fileName: 'example.pdf',
      storageProvider: 'google_drive',
    },
  },
  'DELETE /api/uploads/[id]': {
    response: {
      success: true,
      message: 'File deleted successfully',
    },
  },
  'GET /api/portals': {
    response: [
      {
        id: '...',
        name: 'Client Portal',
        slug: 'client-portal',
        storageProvider: 'google_drive',
        storageAccountId: '...',
        isActive: true,
        _count: {
          uploads: 42,
        },
      },
    ],
  },
  'POST /api/portals': {
    request: {
      name: 'New Portal',
      slug: 'new-portal',
      storageProvider: 'google_drive',
      storageAccountId: '...',
      requireClientName: true,
      requireClientEmail: false,
    },
  },
} as const
