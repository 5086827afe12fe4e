/**
 * Room that an intent takes before its files exist, and that comes back when they never do:
 *
 * | pk | sk | is |
 * |---|---|---|
 * | `places#prt_…` | `places` | files and bytes that a portal still takes, when its owner limits them |
 * | `cap#prt_…#{day}` | `cap` | what it still takes today, and `i{n}`: its intents of the nth quarter of an hour, TTL |
 * | `cap#all#{day}#{place}` | `cap` | what the deployment still takes today, TTL |
 *
 * Counters hold what remains, so that a condition compares and never calculates. The deployment's
 * lie in several places, because every intent writes to one of them.
 */
import { type Clock, DAY_MS, isoTime, MINUTE_MS, SECOND_MS } from '../platform/clock.ts'
import type { Item, Table, TransactItem } from '../platform/table.ts'
import type { Portal } from '../portals/portal.ts'
import type { OpenSubmissions } from './open-submissions.ts'

/** What one upload holds; it stands in the upload, so that whoever ends it can give it back. */
export interface Reserved {
  bytes: number
  /** What of the portal's own counters it was taken from as well. */
  limited: { files: boolean; bytes: boolean }
  day: string
  place: number
}

export interface Room {
  files: number
  bytes: number
}

/** What the owner of a portal limits, or has once limited. */
type Limits = Pick<Portal, 'maxFiles' | 'maxTotalBytes' | 'countedFiles' | 'countedBytes'>

export interface DailyCaps {
  portal: Room
  deployment: Room
  /** What a portal may be asked in a quarter of an hour: intents cost something without a byte. */
  portalIntents?: number
}

/** How often the address that asks has announced files lately. */
type Asker = OpenSubmissions['intents']

export type CapRefusal = 'PORTAL_FULL' | 'PORTAL_CAP' | 'DEPLOYMENT_CAP'

export type Reservations = ReturnType<typeof reservations>

export const DEPLOYMENT_PLACES = 4
/** Four a second: the busiest portal has less, and fifty files may stand in each. */
const PORTAL_INTENTS = 4000
/** Half of them is kept for addresses that have asked no oftener than this: a few that ask all the time keep nobody out. */
const INTENTS_OF_NEWCOMER = 3
const QUARTER_MS = 15 * MINUTE_MS
/** From the beginning of its day; only that day's intents look at a cap. */
const KEEP_CAPS_MS = 3 * DAY_MS

const roomIsLeft = 'remainingFiles >= :files AND remainingBytes >= :bytes'
const dayIsNewOrRoomIsLeft = `attribute_not_exists(pk) OR (${roomIsLeft})`
const takeRoomOfDay = [
  'SET remainingFiles = if_not_exists(remainingFiles, :capFiles) - :files,',
  'remainingBytes = if_not_exists(remainingBytes, :capBytes) - :bytes, expiresAt = :end',
].join(' ')

export function reservations(table: Table, clock: Clock, caps: DailyCaps) {
  const today = () => isoTime(clock.now()).slice(0, 10)
  const { portalIntents = PORTAL_INTENTS } = caps
  const mostIntents = ({ times }: Asker) =>
    times < INTENTS_OF_NEWCOMER ? portalIntents : Math.floor(portalIntents / 2)
  const intentsOfQuarter = () => `i${Math.floor((clock.now() % DAY_MS) / QUARTER_MS)}`

  /** What is counted is written down; of it, what its owner limits at the moment decides. */
  function takePlaces(portal: Limits & { id: string }, room: Room): TransactItem {
    const counted = byCounter(countedOf(portal), room)
    const limited = byCounter(limitedOf(portal), room)
    return {
      Update: {
        TableName: table.name,
        Key: placesKey(portal.id),
        UpdateExpression: `ADD ${counted.map(([name]) => `${name} :minus_${name}`).join(', ')}`,
        ...(limited.length > 0
          ? { ConditionExpression: limited.map(([name]) => `${name} >= :${name}`).join(' AND ') }
          : {}),
        ExpressionAttributeValues: Object.fromEntries([
          ...counted.map(([name, n]) => [`:minus_${name}`, -n]),
          ...limited.map(([name, n]) => [`:${name}`, n]),
        ]),
      },
    }
  }

  function takeOfDeploymentsDay(pk: string, room: Room): TransactItem {
    return {
      Update: {
        TableName: table.name,
        Key: { pk, sk: 'cap' },
        UpdateExpression: takeRoomOfDay,
        ConditionExpression: dayIsNewOrRoomIsLeft,
        ExpressionAttributeValues: valuesOfDay(share(caps.deployment), room),
      },
    }
  }

  /** Of a portal, where its intents of this quarter of an hour count as well. */
  function takeOfPortalsDay(pk: string, room: Room, asker: Asker): TransactItem {
    const intents = intentsOfQuarter()
    const notAskedTooOften = `(attribute_not_exists(${intents}) OR ${intents} < :mostIntents)`
    return {
      Update: {
        TableName: table.name,
        Key: { pk, sk: 'cap' },
        UpdateExpression: `${takeRoomOfDay} ADD ${intents} :one`,
        ConditionExpression: `(${dayIsNewOrRoomIsLeft}) AND ${notAskedTooOften}`,
        ExpressionAttributeValues: {
          ...valuesOfDay(caps.portal, room),
          ':one': 1,
          ':mostIntents': mostIntents(asker),
        },
      },
    }
  }

  function valuesOfDay(cap: Room, room: Room) {
    return {
      ':files': room.files,
      ':bytes': room.bytes,
      ':capFiles': cap.files,
      ':capBytes': cap.bytes,
      ':end': endOfCap(today()),
    }
  }

  return {
    /** Until when a portal is asked no more, when the day that refused an intent says that it was asked too often. */
    askedTooOften(day: Item | null | undefined, asker: Asker): { untilMs: number } | undefined {
      if (Number(day?.[intentsOfQuarter()] ?? 0) < mostIntents(asker)) return undefined
      return { untilMs: Math.floor(clock.now() / QUARTER_MS + 1) * QUARTER_MS }
    },

    /** The part of the deployment's day that some room is: of files or bytes, whichever is more. */
    shareOfDay({ files, bytes }: Room): number {
      return Math.max(files / caps.deployment.files, bytes / caps.deployment.bytes)
    },

    /** Whether a day's whole room would not be enough, so that waiting does not help. */
    neverFits(room: Room): boolean {
      return [caps.portal, share(caps.deployment)].some(
        (cap) => room.files > cap.files || room.bytes > cap.bytes,
      )
    },

    /** The writes that take room for an intent, each with what its refusal means. `place` is any number. */
    take(
      portal: Limits & { id: string },
      room: Room,
      place: number,
      asker: Asker,
    ): { writes: [TransactItem, CapRefusal][]; reserved: Omit<Reserved, 'bytes'> } {
      const day = today()
      const ofDeployment = place % DEPLOYMENT_PLACES
      const counted = countedOf(portal)
      return {
        reserved: { limited: counted, day, place: ofDeployment },
        writes: [
          ...(counted.files || counted.bytes
            ? [[takePlaces(portal, room), 'PORTAL_FULL'] as [TransactItem, CapRefusal]]
            : []),
          [takeOfPortalsDay(portalDay(portal.id, day), room, asker), 'PORTAL_CAP'],
          [takeOfDeploymentsDay(allDay(day, ofDeployment), room), 'DEPLOYMENT_CAP'],
        ],
      }
    },
  }
}

/** The writes by which an upload that ends undelivered gives back what it held; none for one that held nothing. */
export function giveBack(
  table: Table,
  upload: { portalId: string; reserved?: Reserved },
): TransactItem[] {
  const { reserved } = upload
  if (!reserved) return []
  const places = byCounter(reserved.limited, { files: 1, bytes: reserved.bytes })
  const ofDay = (pk: string): TransactItem => ({
    Update: {
      TableName: table.name,
      Key: { pk, sk: 'cap' },
      // An upload may outlive the cap: the item that this would make anew has an end as well.
      UpdateExpression: 'SET expiresAt = :end ADD remainingFiles :one, remainingBytes :bytes',
      ExpressionAttributeValues: {
        ':one': 1,
        ':bytes': reserved.bytes,
        ':end': endOfCap(reserved.day),
      },
    },
  })
  return [
    ...(places.length > 0 ? [addPlaces(table, upload.portalId, places)] : []),
    ofDay(portalDay(upload.portalId, reserved.day)),
    ofDay(allDay(reserved.day, reserved.place)),
  ]
}

/** Unconditional: an owner may have lifted the limit meanwhile, and what is not limited is not looked at. */
function addPlaces(table: Table, portalId: string, places: [string, number][]): TransactItem {
  return {
    Update: {
      TableName: table.name,
      Key: placesKey(portalId),
      UpdateExpression: `ADD ${places.map(([name]) => `${name} :${name}`).join(', ')}`,
      ExpressionAttributeValues: Object.fromEntries(places.map(([name, n]) => [`:${name}`, n])),
    },
  }
}

export function isLimited(portal: Pick<Portal, 'maxFiles' | 'maxTotalBytes'>): boolean {
  return portal.maxFiles !== null || portal.maxTotalBytes !== null
}

function limitedOf({ maxFiles, maxTotalBytes }: Limits): Reserved['limited'] {
  return { files: maxFiles !== null, bytes: maxTotalBytes !== null }
}

/** What was once limited is counted from then on, so that a limit set again knows what is on its way. */
function countedOf(portal: Limits): Reserved['limited'] {
  return {
    files: portal.maxFiles !== null || (portal.countedFiles ?? null) !== null,
    bytes: portal.maxTotalBytes !== null || (portal.countedBytes ?? null) !== null,
  }
}

/** Room by the names of its counters, those alone that are counted. */
function byCounter(counted: Reserved['limited'], room: Room): [string, number][] {
  return [
    ...(counted.files ? [['remainingFiles', room.files] as [string, number]] : []),
    ...(counted.bytes ? [['remainingBytes', room.bytes] as [string, number]] : []),
  ]
}

/** Where the places of a portal are counted. */
export function placesKey(portalId: string) {
  return { pk: `places#${portalId}`, sk: 'places' }
}

function share(cap: Room): Room {
  return {
    files: Math.floor(cap.files / DEPLOYMENT_PLACES),
    bytes: Math.floor(cap.bytes / DEPLOYMENT_PLACES),
  }
}

function endOfCap(day: string): number {
  return (Date.parse(day) + KEEP_CAPS_MS) / SECOND_MS
}

function portalDay(portalId: string, day: string): string {
  return `cap#${portalId}#${day}`
}

function allDay(day: string, place: number): string {
  return `cap#all#${day}#${place}`
}
