/**
 * `submission#{id}` / `submission`: one hand-over and who made it; `batch#{n}`: the uploads of its
 * nth intent, so that the status of a hand-over is two reads however many files it has.
 */
import { GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb'
import { PortageError } from '../errors.ts'
import {
  encodeCursor,
  INDEX,
  type Item,
  readItems,
  startKey,
  type Table,
  type TransactItem,
  timeKey,
} from '../platform/table.ts'
import type { Portal } from '../portals/portal.ts'
import type { Page } from '../portals/portal-store.ts'
import { portalKey } from '../portals/portals-of-account.ts'
import type { Upload } from './upload.ts'
import { clientList } from './upload-record.ts'

export interface Submission {
  id: string
  userId: string
  portalId: string
  clientName: string | null
  clientEmail: string | null
  clientMessage: string | null
  /** Hashes of the different folders of all its files, for the limit of 200. */
  folders: string[]
  batches: number
  createdAt: string
  /** Since then nobody knows who made it, and no token of it opens anything. */
  erasedAt?: string
}

interface Loaded {
  submission: Submission | undefined
  portal: Portal | undefined
  uploads: Upload[]
  beside: Item | undefined
}

export type SubmissionStore = ReturnType<typeof submissionStore>

/** Intents of one hand-over: 10,000 files, fifty at a time. */
export const MAX_BATCHES = 200
/** Intents whose uploads one status reply shows. */
export const BATCHES_PER_PAGE = 4

const submissionIsNew = 'attribute_not_exists(pk)'
const batchIsNew = 'attribute_not_exists(pk)'
const noBatchSinceRead = 'batches = :seen'
const isNotErased = 'attribute_not_exists(erasedAt)'
const isErased = 'attribute_exists(erasedAt)'

export function submissionStore(table: Table) {
  const key = (submissionId: string) => ({ pk: `submission#${submissionId}`, sk: 'submission' })
  const batchKey = (submissionId: string, batch: number) => ({
    pk: `submission#${submissionId}`,
    sk: `batch#${String(batch).padStart(6, '0')}`,
  })

  /** Items by their partition keys, each of which is another. */
  async function read(keys: Item[]): Promise<Map<string, Item>> {
    const items = await readItems(table, keys, { consistent: true })
    return new Map(items.map((item) => [String(item['pk']), item]))
  }

  return {
    /** The writes of a first intent. */
    create(submission: Submission, uploadIds: string[]): TransactItem[] {
      return [
        {
          Put: {
            TableName: table.name,
            Item: { ...key(submission.id), ...submission, ...clientKeys(submission) },
            ConditionExpression: submissionIsNew,
          },
        },
        putBatch(submission.id, 0, uploadIds),
      ]
    },

    /** The writes of a further intent; refused when another came first. */
    append(submission: Submission, folders: string[], uploadIds: string[]): TransactItem[] {
      return [
        {
          Update: {
            TableName: table.name,
            Key: key(submission.id),
            UpdateExpression: 'SET folders = :folders ADD batches :one',
            ConditionExpression: [noBatchSinceRead, isNotErased].join(' AND '),
            ExpressionAttributeValues: {
              ':folders': folders,
              ':one': 1,
              ':seen': submission.batches,
            },
          },
        },
        putBatch(submission.id, submission.batches, uploadIds),
      ]
    },

    async find(submissionId: string): Promise<Submission | undefined> {
      const reply = await table.client.send(
        new GetCommand({ TableName: table.name, Key: key(submissionId), ConsistentRead: true }),
      )
      return reply.Item as Submission | undefined
    },

    /** A capability's submission and portal, with some of its uploads and one item of another store, in one read. */
    async load(
      claims: { submissionId: string; portalId: string },
      uploadIds: string[],
      besideKey?: Item,
    ): Promise<Loaded> {
      const uploadKeys = uploadIds.map((id) => ({ pk: `upload#${id}`, sk: 'upload' }))
      const items = await read([
        key(claims.submissionId),
        portalKey(claims.portalId),
        ...uploadKeys,
        ...(besideKey ? [besideKey] : []),
      ])
      return {
        submission: items.get(key(claims.submissionId).pk) as Submission | undefined,
        portal: items.get(portalKey(claims.portalId).pk) as Portal | undefined,
        uploads: uploadKeys.flatMap(({ pk }) => (items.get(pk) as Upload | undefined) ?? []),
        beside: items.get(String(besideKey?.['pk'])),
      }
    },

    /** The portal of a first intent with one item of another store, in one read. */
    async loadPortal(
      portalId: string,
      besideKey: Item,
    ): Promise<Pick<Loaded, 'portal' | 'beside'>> {
      const items = await read([portalKey(portalId), besideKey])
      return {
        portal: items.get(portalKey(portalId).pk) as Portal | undefined,
        beside: items.get(String(besideKey['pk'])),
      }
    },

    /** Who handed files over, for the owner's lists. */
    async findMany(submissionIds: string[]): Promise<Map<string, Submission>> {
      const items = await read([...new Set(submissionIds)].map(key))
      return new Map(
        [...items.values()].map((item) => [String(item['id']), item as unknown as Submission]),
      )
    },

    /** Ids of the hand-overs of one client, newest first, as the index knows them. */
    async listByClient(
      userId: string,
      clientEmail: string,
      cursor: string | undefined,
    ): Promise<Page<string>> {
      const partition = {
        attribute: 'clientPk',
        value: clientList('submissions', userId, clientEmail),
      }
      const start = startKey(cursor, partition, 'clientSk', 'submission')
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          IndexName: INDEX.client,
          KeyConditionExpression: 'clientPk = :client',
          ExpressionAttributeValues: { ':client': partition.value },
          ScanIndexForward: false,
          ...(start ? { ExclusiveStartKey: start } : {}),
        }),
      )
      return {
        records: (reply.Items ?? []).map((item) => String(item['id'])),
        cursor: encodeCursor(reply.LastEvaluatedKey, 'clientSk'),
      }
    },

    /** The write by which a submission no longer tells who made it; it stays in the client's list until its uploads are done. */
    erase(submissionId: string, now: string): TransactItem {
      return {
        Update: {
          TableName: table.name,
          Key: key(submissionId),
          UpdateExpression:
            'SET clientName = :none, clientEmail = :none, clientMessage = :none, folders = :folders, erasedAt = :now',
          ConditionExpression: isNotErased,
          ExpressionAttributeValues: { ':none': null, ':folders': [], ':now': now },
        },
      }
    },

    /** Takes an erased submission from its client's list. */
    async leaveClientList(submissionId: string): Promise<void> {
      await table.client.send(
        new UpdateCommand({
          TableName: table.name,
          Key: key(submissionId),
          UpdateExpression: 'REMOVE clientPk, clientSk',
          ConditionExpression: isErased,
        }),
      )
    },

    /** Uploads of a submission in the order of their intents. */
    async listUploads(
      submissionId: string,
      cursor: string | undefined,
    ): Promise<{ uploads: Upload[]; cursor: string | undefined }> {
      const first = Number(cursor ?? 0)
      // Six digits, as batch keys have: a page that ended in seven would end before it begins.
      if (!Number.isSafeInteger(first) || first < 0 || first + BATCHES_PER_PAGE > 999_999) {
        throw new PortageError(
          'INVALID_REQUEST',
          'The cursor is not one that this list gave out.',
          {
            fields: [{ field: 'cursor', message: 'is not a cursor of this list' }],
          },
        )
      }
      const reply = await table.client.send(
        new QueryCommand({
          TableName: table.name,
          KeyConditionExpression: 'pk = :pk AND sk BETWEEN :from AND :to',
          ExpressionAttributeValues: {
            ':pk': key(submissionId).pk,
            ':from': batchKey(submissionId, first).sk,
            ':to': batchKey(submissionId, first + BATCHES_PER_PAGE).sk,
          },
          ConsistentRead: true,
        }),
      )
      const batches = reply.Items ?? []
      const page = batches.slice(0, BATCHES_PER_PAGE)
      const keys = page
        .flatMap((batch) => batch['uploadIds'] as string[])
        .map((id) => ({ pk: `upload#${id}`, sk: 'upload' }))
      const items = await read(keys)
      return {
        uploads: keys.flatMap(({ pk }) => (items.get(pk) as Upload | undefined) ?? []),
        cursor: batches.length > page.length ? String(first + BATCHES_PER_PAGE) : undefined,
      }
    },
  }

  function putBatch(submissionId: string, batch: number, uploadIds: string[]): TransactItem {
    return {
      Put: {
        TableName: table.name,
        Item: { ...batchKey(submissionId, batch), uploadIds },
        ConditionExpression: batchIsNew,
      },
    }
  }
}

function clientKeys({ id, userId, clientEmail, createdAt }: Submission) {
  if (clientEmail === null) return {}
  return {
    clientPk: clientList('submissions', userId, clientEmail),
    clientSk: timeKey(Date.parse(createdAt), id),
  }
}
