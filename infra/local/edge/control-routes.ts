/**
 * The control routes of the local cloud under `/_local/`, on the app's port. A page of another
 * origin can send requests to this machine: nothing here has CORS headers, and whatever changes
 * something needs a content type and an Origin that such a page cannot send unasked.
 */
import * as z from 'zod'
import type { OauthProviderId } from '../../../shared/providers/providers.ts'

export type LocalUrls = Record<'app' | 'aws' | OauthProviderId, string>

export interface QueueStatus {
  name: string
  visible: number
  inFlight: number
  delayed: number
}

/** What the control routes can see and do. */
export interface LocalControl {
  status(): { ready: boolean; urls: LocalUrls; versions: Record<string, string> }
  queues(): QueueStatus[]
  schedules(): string[]
  /** False when there is no schedule of that name. */
  runSchedule(name: string): Promise<boolean>
  /** Moves the clock of everything forward and returns the new time. */
  advanceClock(seconds: number): Promise<number>
}

export interface ControlRequest {
  method: string
  path: string
  contentType: string | undefined
  origin: string | undefined
  ownOrigin: string
  body: Buffer
}

export interface ControlReply {
  statusCode: number
  body: unknown
  allow?: string
}

const PREFIX = '/_local/'
/** A year at once is more than any expiry here. */
const MAX_ADVANCE_SECONDS = 366 * 86_400

const clockCall = z.strictObject({ advanceSeconds: z.number().min(0).max(MAX_ADVANCE_SECONDS) })

export function isControlPath(path: string): boolean {
  return path === '/_local' || path.startsWith(PREFIX)
}

export async function handleControlCall(
  control: LocalControl,
  request: ControlRequest,
): Promise<ControlReply> {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (request.origin !== undefined && request.origin !== request.ownOrigin) {
    return problem(403, 'control calls are for this origin only')
  }
  if (!isRead && mediaType(request.contentType) !== 'application/json') {
    return problem(415, 'control calls need Content-Type: application/json')
  }
  const segments = decodeSegments(request.path)
  if (segments === undefined) return problem(400, 'path is not percent-encoded text')

  const [area, name, action] = segments
  if (area === 'status' && segments.length === 1) {
    return read(isRead, () => {
      const status = control.status()
      return status.ready
        ? { statusCode: 200, body: status }
        : { statusCode: 503, body: { ready: false } }
    })
  }
  if (!control.status().ready) return problem(503, 'still starting')
  if (area === 'queues' && segments.length === 1) {
    return read(isRead, () => ({ statusCode: 200, body: { queues: control.queues() } }))
  }
  if (area === 'schedules' && segments.length === 1) {
    return read(isRead, () => ({ statusCode: 200, body: { schedules: control.schedules() } }))
  }
  if (area === 'schedules' && name !== undefined && action === 'run' && segments.length === 3) {
    return write(request, async () =>
      (await control.runSchedule(name))
        ? { statusCode: 202, body: { schedule: name } }
        : problem(404, `no schedule ${name}`),
    )
  }
  if (area === 'clock' && segments.length === 1) {
    return write(request, async () => {
      const call = clockCall.safeParse(parseJson(request.body))
      if (!call.success) return problem(400, z.prettifyError(call.error))
      const now = await control.advanceClock(call.data.advanceSeconds)
      return { statusCode: 200, body: { now: new Date(now).toISOString() } }
    })
  }
  return problem(404, 'no such control route')
}

function read(isRead: boolean, reply: () => ControlReply): ControlReply {
  return isRead ? reply() : { ...problem(405, 'use GET'), allow: 'GET, HEAD' }
}

async function write(
  request: ControlRequest,
  reply: () => Promise<ControlReply>,
): Promise<ControlReply> {
  return request.method === 'POST' ? reply() : { ...problem(405, 'use POST'), allow: 'POST' }
}

function problem(statusCode: number, detail: string): ControlReply {
  return { statusCode, body: { error: detail } }
}

function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(';')[0]?.trim().toLowerCase()
}

function decodeSegments(path: string): string[] | undefined {
  try {
    return path.slice(PREFIX.length).split('/').map(decodeURIComponent)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** The body as a value; `undefined`, which no schema takes, when it is not JSON. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
