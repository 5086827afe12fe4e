/**
 * Room that an intent takes before its files exist, and that comes back when they never do:
 *
 * | pk | sk | is |
 * |---|---|---|
 * | `places#prt_…` | `places` | files and bytes that a portal still takes, when its owner limits them |
 * | `cap#prt_…#{day}` | `cap` | what it still takes today, TTL |
 * | `cap#all#{day}#{place}` | `cap` | what the deployment still takes today, TTL |
 *
 * Counters hold what remains, so that a condition compares and never calculates. The deployment's
 * lie in several places, because every intent writes to one of them.
 */
import { type Clock, DAY_MS, isoTime, SECOND_MS } from '../platform/clock.ts'
import type { Table, TransactItem } from '../platform/table.ts'

/** What one upload holds; it stands in the upload, so that whoever ends it can give it back. */
export interface Reserved {
  bytes: number
  /** The portal's own limits were counted as well. */
  limited: boolean
  day: string
  place: number
}

export interface Room {
  files: number
  bytes: number
}

export interface DailyCaps {
  portal: Room
  deployment: Room
}

export type CapRefusal = 'PORTAL_FULL' | 'PORTAL_CAP' | 'DEPLOYMENT_CAP'

export type Reservations = ReturnType<typeof reservations>

export const DEPLOYMENT_PLACES = 4
const KEEP_CAPS_MS = 2 * DAY_MS

const roomIsLeft = 'remainingFiles >= :files AND remainingBytes >= :bytes'
const dayIsNewOrRoomIsLeft = `attribute_not_exists(pk) OR (${roomIsLeft})`

export function reservations(table: Table, clock: Clock, caps: DailyCaps) {
  const today = () => isoTime(clock.now()).slice(0, 10)

  function takePlaces(
    portal: { id: string; maxFiles: number | null; maxTotalBytes: number | null },
    room: Room,
  ): TransactItem {
    const byLimit = [
      ...(portal.maxFiles === null ? [] : [['remainingFiles', room.files] as const]),
      ...(portal.maxTotalBytes === null ? [] : [['remainingBytes', room.bytes] as const]),
    ]
    return {
      Update: {
        TableName: table.name,
        Key: placesKey(portal.id),
        UpdateExpression: `ADD ${byLimit.map(([name]) => `${name} :minus_${name}`).join(', ')}`,
        ConditionExpression: byLimit.map(([name]) => `${name} >= :${name}`).join(' AND '),
        ExpressionAttributeValues: Object.fromEntries(
          byLimit.flatMap(([name, n]) => [
            [`:${name}`, n],
            [`:minus_${name}`, -n],
          ]),
        ),
      },
    }
  }

  function takeOfDay(pk: string, cap: Room, room: Room): TransactItem {
    return {
      Update: {
        TableName: table.name,
        Key: { pk, sk: 'cap' },
        UpdateExpression: [
          'SET remainingFiles = if_not_exists(remainingFiles, :capFiles) - :files,',
          'remainingBytes = if_not_exists(remainingBytes, :capBytes) - :bytes, expiresAt = :end',
        ].join(' '),
        ConditionExpression: dayIsNewOrRoomIsLeft,
        ExpressionAttributeValues: {
          ':files': room.files,
          ':bytes': room.bytes,
          ':capFiles': cap.files,
          ':capBytes': cap.bytes,
          ':end': Math.ceil((clock.now() + KEEP_CAPS_MS) / SECOND_MS),
        },
      },
    }
  }

  return {
    /** Whether a day's whole room would not be enough, so that waiting does not help. */
    neverFits(room: Room): boolean {
      return [caps.portal, share(caps.deployment)].some(
        (cap) => room.files > cap.files || room.bytes > cap.bytes,
      )
    },

    /** The writes that take room for an intent, each with what its refusal means. `place` is any number. */
    take(
      portal: { id: string; maxFiles: number | null; maxTotalBytes: number | null },
      room: Room,
      place: number,
    ): { writes: [TransactItem, CapRefusal][]; reserved: Omit<Reserved, 'bytes'> } {
      const day = today()
      const ofDeployment = place % DEPLOYMENT_PLACES
      const limited = portal.maxFiles !== null || portal.maxTotalBytes !== null
      return {
        reserved: { limited, day, place: ofDeployment },
        writes: [
          ...(limited
            ? [[takePlaces(portal, room), 'PORTAL_FULL'] as [TransactItem, CapRefusal]]
            : []),
          [takeOfDay(portalDay(portal.id, day), caps.portal, room), 'PORTAL_CAP'],
          [takeOfDay(allDay(day, ofDeployment), share(caps.deployment), room), 'DEPLOYMENT_CAP'],
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
  const add = (key: { pk: string; sk: string }): TransactItem => ({
    Update: {
      TableName: table.name,
      Key: key,
      // Unconditional: an owner may have lifted the limit meanwhile, and what is not counted does not matter.
      UpdateExpression: 'ADD remainingFiles :one, remainingBytes :bytes',
      ExpressionAttributeValues: { ':one': 1, ':bytes': reserved.bytes },
    },
  })
  return [
    ...(reserved.limited ? [add(placesKey(upload.portalId))] : []),
    add({ pk: portalDay(upload.portalId, reserved.day), sk: 'cap' }),
    add({ pk: allDay(reserved.day, reserved.place), sk: 'cap' }),
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

function portalDay(portalId: string, day: string): string {
  return `cap#${portalId}#${day}`
}

function allDay(day: string, place: number): string {
  return `cap#all#${day}#${place}`
}
