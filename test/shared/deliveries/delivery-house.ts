/**
 * A file that is handed over, its worker and the sweep, with a real table and everything else in
 * memory. A worker can be killed at any of its calls: from then on each of its calls fails, as of a
 * process that is gone, and a new one takes its place.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import type { Account } from '../../../shared/accounts/account.ts'
import { accountStore } from '../../../shared/accounts/account-store.ts'
import type { Grant } from '../../../shared/accounts/grant.ts'
import { grantStore } from '../../../shared/accounts/grant-store.ts'
import type { GrantRef, TokenVault } from '../../../shared/accounts/token-vault.ts'
import { type DeliverDeps, deliverFile } from '../../../shared/deliveries/deliver-file.ts'
import { deliveryStore } from '../../../shared/deliveries/delivery-store.ts'
import { finishTogether } from '../../../shared/deliveries/finish-together.ts'
import { folderStore } from '../../../shared/deliveries/folder-store.ts'
import { idPool } from '../../../shared/deliveries/id-pool.ts'
import { portalFolders } from '../../../shared/deliveries/portal-folders.ts'
import { writeTogether } from '../../../shared/deliveries/write-together.ts'
import { isoTime, MINUTE_MS } from '../../../shared/platform/clock.ts'
import { newId } from '../../../shared/platform/ids.ts'
import { sharedCalls } from '../../../shared/platform/shared-calls.ts'
import { INDEX, type Item, type Table, transact } from '../../../shared/platform/table.ts'
import type { Portal } from '../../../shared/portals/portal.ts'
import { portalStore } from '../../../shared/portals/portal-store.ts'
import type { StorageProvider } from '../../../shared/providers/provider.ts'
import { sweepDue } from '../../../shared/schedule/sweep-due.ts'
import { planParts, type Upload } from '../../../shared/uploads/upload.ts'
import { uploadStore } from '../../../shared/uploads/upload-store.ts'
import { newAccount, newPortal } from '../../support/make.ts'
import { createMemoryProvider } from '../../support/memory-provider.ts'
import { type SteeredClock, steeredClock } from '../../support/steered-clock.ts'

export const CHUNK_BYTES = 256 * 1024
export const SINGLE_REQUEST_BYTES = 64 * 1024

export interface HouseOptions {
  clock?: SteeredClock
  /** Ends a worker's turn after this long; a steered clock stands still, so 0 ends it after a chunk. */
  workSliceMs?: number
  chunkBytes?: number
  /** The account lies there, and not in memory. */
  storage?: { provider: StorageProvider; accessToken: string }
  /** The same of the second account. */
  backupStorage?: { provider: StorageProvider; accessToken: string }
  /** The portal names a second account, at another provider, for when its own takes nothing. */
  hasBackup?: boolean
}

/** Where a worker dies: at its nth call, before that call does anything or after it has done it. */
export interface Kill {
  atCall: number
  when: 'before' | 'after'
}

export class Killed extends Error {
  override name = 'Killed' as const
}

export type House = Awaited<ReturnType<typeof openHouse>>

export async function openHouse(table: Table, options: HouseOptions = {}) {
  const clock = options.clock ?? steeredClock()
  const provider = createMemoryProvider({
    chunkBytes: options.chunkBytes ?? CHUNK_BYTES,
    singleRequestBytes: SINGLE_REQUEST_BYTES,
  })
  const backupProvider = createMemoryProvider({
    id: 'dropbox',
    chunkBytes: options.chunkBytes ?? CHUNK_BYTES,
    singleRequestBytes: SINGLE_REQUEST_BYTES,
  })
  const own = new Set<string>()
  const staged = new Map<string, { content: Buffer; etag: string }>()
  const messages: string[] = []
  const reads: number[] = []
  /** How long the turns of workers are that begin from now on. */
  const turns = { workSliceMs: options.workSliceMs ?? 3 * MINUTE_MS }
  const queue = {
    async send(sent: { uploadId: string }[]) {
      messages.push(...sent.map(({ uploadId }) => uploadId))
    },
  }
  const uploads = uploadStore(table, clock)
  const deliveries = deliveryStore(table, clock)
  const accounts = accountStore(table, clock)
  const grants = grantStore(table, clock)
  const portals = portalStore(table, clock)
  const storage = options.storage ?? { provider, accessToken: 'token' }
  const backupStorage = options.backupStorage ?? { provider: backupProvider, accessToken: 'token' }
  const account: Account = { ...newAccount(clock.now()), provider: storage.provider.id }
  const backup: Account = {
    ...newAccount(clock.now()),
    userId: account.userId,
    provider: backupStorage.provider.id,
  }
  const portal: Portal = {
    ...newPortal(account, clock.now()),
    backupStorageAccountIds: options.hasBackup ? [backup.id] : [],
  }
  let grant = newGrant(account)
  const backupGrant = newGrant(backup)
  await transact(table, [
    accounts.create(account),
    accounts.create(backup),
    ...grants.put(grant),
    ...grants.put(backupGrant),
    ...portals.create(portal),
  ])

  /** One process: what it remembers dies with it. */
  function worker(kill?: Kill) {
    const mortal = mortality(kill)
    const ownTable: Table = { name: table.name, client: mortal.wrap(table.client, ['send']) }
    const ownPortals = portalStore(ownTable, clock)
    const staging: DeliverDeps['staging'] = {
      read: async (key, etag, { offsetBytes, sizeBytes }) => {
        reads.push(offsetBytes)
        const object = staged.get(key)
        if (!object || object.etag !== etag) return undefined
        return Readable.from([object.content.subarray(offsetBytes, offsetBytes + sizeBytes)])
      },
      remove: async (key) => {
        staged.delete(key)
      },
      removeTogether: async (key) => {
        staged.delete(key)
      },
    }
    const deps: DeliverDeps = {
      table: ownTable,
      uploads: uploadStore(ownTable, clock),
      deliveries: deliveryStore(ownTable, clock),
      accounts: accountStore(ownTable, clock),
      grants: grantStore(ownTable, clock),
      portals: ownPortals,
      vault: plainVault,
      folders: portalFolders({ folders: folderStore(ownTable), portals: ownPortals }),
      ids: idPool(clock),
      freshToken: async (grantId) =>
        grantId === backup.grantId
          ? { grant: backupGrant, accessToken: backupStorage.accessToken }
          : { grant, accessToken: storage.accessToken },
      provider: (id) =>
        mortal.wrap<StorageProvider>(
          id === account.provider ? storage.provider : backupStorage.provider,
          PROVIDER_CALLS,
        ),
      staging: mortal.wrap(staging, ['read', 'remove', 'removeTogether']),
      queue: mortal.wrap(queue, ['send']),
      kind: 'large-delivery',
      clock,
      random: () => 0.5,
      finish: finishTogether({
        table: ownTable,
        deliveries: deliveryStore(ownTable, clock),
        portals: ownPortals,
        countingPlace: 0,
      }),
      write: writeTogether(ownTable, 0),
      readingAccounts: sharedCalls(),
      workSliceMs: turns.workSliceMs,
    }
    return {
      deps,
      deliver: (uploadId: string) => deliverFile(deps, uploadId, clock.now() + 5 * MINUTE_MS),
      get calls() {
        return mortal.calls
      },
    }
  }

  async function uploadOf(uploadId: string): Promise<Upload> {
    const upload = await uploads.find(uploadId)
    if (!upload) throw new Error(`upload ${uploadId} is gone`)
    return upload
  }

  return {
    table,
    clock,
    provider,
    staged,
    turns,
    messages,
    /** From which byte on each request to the staging bucket has read. */
    reads,
    uploads,
    deliveries,
    accounts,
    portals,
    account,
    backup,
    backupProvider,
    portal,
    worker,
    uploadOf,

    /** A new consent: its data key replaces the old one. */
    async consentAnew() {
      grant = newGrant(account)
      await transact(table, grants.put(grant))
    },

    /** Puts a file where intake would have put it and hands it to delivery. */
    async handOver(content: Buffer, over: Partial<Upload> = {}): Promise<Upload> {
      const upload = newUpload(portal, content, clock.now(), over)
      own.add(upload.id)
      staged.set(upload.stagingKey, { content, etag: upload.etag ?? '' })
      await transact(table, [uploads.create(upload)])
      await transact(table, [
        uploads.handOver(upload),
        ...deliveries.create(upload, upload.fileName),
      ])
      return upload
    },

    /** Lets due work become due, runs the sweep and returns which of this house's uploads it asks for. */
    async sweep(afterMs = 2 * MINUTE_MS): Promise<string[]> {
      clock.advance(afterMs)
      const asked: string[] = []
      const ask = {
        async send(sent: { uploadId: string }[]) {
          asked.push(...sent.map(({ uploadId }) => uploadId))
        },
      }
      const queues = {
        upload: ask,
        'small-delivery': ask,
        'large-delivery': ask,
        account: { send: async () => undefined },
      }
      await sweepDue({ table, uploads, deliveries, accounts, queues, clock })
      return asked.filter((uploadId) => own.has(uploadId))
    },

    async deliveryOf(uploadId: string): Promise<Item | undefined> {
      const reply = await table.client.send(
        new GetCommand({
          TableName: table.name,
          Key: deliveries.key(uploadId),
          ConsistentRead: true,
        }),
      )
      return reply.Item
    },

    /** Types of the events about an upload or an account. */
    async events(subjectId: string): Promise<string[]> {
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.owner,
          KeyConditionExpression: 'ownerPk = :owner',
          ExpressionAttributeValues: { ':owner': `events#${account.userId}` },
        }),
      )
      return (reply.Items ?? [])
        .filter((item) => item['subjectId'] === subjectId)
        .map((item) => String(item['type']))
    },

    async count(): Promise<number> {
      return (await portals.totalsOf([portal.id])).get(portal.id)?.files ?? 0
    },
  }
}

const PROVIDER_CALLS = [
  'reserveIds',
  'ensureFolder',
  'findFile',
  'uploadWhole',
  'openSession',
  'sessionProgress',
  'sendChunk',
  'deleteFile',
] as const

/** Counts calls over everything that is wrapped, and fails for good from the one that kills. */
function mortality(kill: Kill | undefined) {
  let calls = 0
  let dead = false
  const die = (): never => {
    dead = true
    throw new Killed()
  }
  return {
    get calls() {
      return calls
    },
    wrap<Target extends object>(target: Target, methods: readonly string[]): Target {
      return new Proxy(target, {
        get(real, name) {
          const value = Reflect.get(real, name)
          if (typeof value !== 'function') return value
          if (!methods.includes(String(name))) return value.bind(real)
          return async (...args: unknown[]) => {
            if (dead) throw new Killed()
            calls += 1
            const isLast = calls === kill?.atCall
            if (isLast && kill.when === 'before') die()
            const result = await value.apply(real, args)
            if (isLast) die()
            return result
          }
        },
      })
    },
  }
}

/** Seals so that only the same data key opens, and hides nothing. */
const plainVault: TokenVault = {
  newKey: async () => randomBytes(8).toString('hex'),
  seal: async (grant: GrantRef, key, text) => JSON.stringify([grant.grantId, key, text]),
  async unseal(grant: GrantRef, key, sealed) {
    const [grantId, sealedWith, text] = JSON.parse(sealed) as string[]
    if (grantId !== grant.grantId || sealedWith !== key) throw new Error('sealed with another key')
    return text ?? ''
  },
}

function newGrant(account: Account): Grant {
  return {
    id: account.grantId,
    userId: account.userId,
    accountId: account.id,
    provider: 'google',
    subject: account.providerAccountId,
    email: account.email,
    displayName: account.displayName,
    scopes: [],
    wrappedKey: randomBytes(8).toString('hex'),
    tokens: '',
    accessTokenExpiresAtMs: 0,
    refusedAt: null,
  }
}

function newUpload(portal: Portal, content: Buffer, nowMs: number, over: Partial<Upload>): Upload {
  const id = newId('upload', nowMs)
  return {
    id,
    userId: portal.userId,
    portalId: portal.id,
    submissionId: newId('submission', nowMs),
    fileName: 'letter.txt',
    folders: [],
    relativePath: null,
    fileSize: content.length,
    mimeType: 'text/plain',
    storageProvider: portal.storageProvider,
    status: 'staged',
    ...planParts(content.length),
    stagingKey: `staging/scan/${id}`,
    etag: createHash('md5').update(content).digest('hex'),
    intendedStorageAccountId: portal.storageAccountId,
    createdAt: isoTime(nowMs),
    ...over,
  }
}
