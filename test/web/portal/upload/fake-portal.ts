/** Portage and S3 in memory, behind the uploader's own interface of HTTP. Time passes when it is waited for. */
import { FIRST_PART_URLS } from '../../../../shared/contract/limits.ts'
import type {
  CompleteRequest,
  IntentReply,
  UploadPlan,
  UploadStatus,
} from '../../../../shared/contract/uploads.ts'
import { partLength, planParts } from '../../../../shared/uploads/upload.ts'
import type { FileLimits } from '../../../../web/portal/upload/add-chosen.ts'
import type { Clock } from '../../../../web/portal/upload/clock.ts'
import type { FileHasher } from '../../../../web/portal/upload/file-hasher.ts'
import {
  type HandOverStore,
  memoryHandOverStore,
} from '../../../../web/portal/upload/hand-over-store.ts'
import type { Http, HttpReply, HttpRequest } from '../../../../web/portal/upload/http.ts'
import { createPortalApi } from '../../../../web/portal/upload/portal-api.ts'
import type { Wire } from '../../../../web/portal/upload/reliable-http.ts'
import { Uploader } from '../../../../web/portal/upload/uploader.ts'

/** Calls that announce files, and those that go to S3. */
export const INTENT = /^\/api\/upload$/
export const S3 = /^s3:/
const URL_LIVES_MS = 15 * 60_000

interface FakeUpload {
  uploadId: string
  submissionId: string
  fileName: string
  fileSize: number
  status: UploadStatus
  plan: Pick<UploadPlan, 'method' | 'partSize' | 'partCount'>
  parts: Map<number, { bytes: Blob; etag: string }>
  object: Blob | undefined
  contentHash: string | undefined
  puts: number
}

export interface Seen {
  method: string
  path: string
  body: unknown
  headers: Readonly<Record<string, string>>
  bodyType: string | undefined
}

type Intercept = (request: HttpRequest) => Promise<HttpReply | undefined> | HttpReply | undefined

export class FakePortal {
  now = Date.UTC(2026, 0, 1)
  isOnline = true
  isLookedAt = true
  limits: FileLimits = { maxFileBytes: 1e12, allowedTypes: [] }
  /** What the page got for the password. */
  portalToken: string | undefined
  /** What the server says of that token, or why it cannot be asked. */
  isOpen: boolean | Error = true
  readonly sleeps: number[] = []
  readonly seen: Seen[] = []
  readonly uploads = new Map<string, FakeUpload>()
  /** Looked at before the server answers; the first that answers wins. */
  intercepts: Intercept[] = []
  putsAtOnce = 0
  mostPutsAtOnce = 0
  liveTokens = new Set<string>()
  #ids = 0
  #onlineWaiters: (() => void)[] = []

  readonly clock: Clock = {
    now: () => this.now,
    sleep: async (durationMs, signal) => {
      this.sleeps.push(durationMs)
      this.now += durationMs
      await new Promise((resolve) => setImmediate(resolve))
      signal?.throwIfAborted()
    },
  }

  readonly wire: Wire = {
    http: (request) => this.#http(request),
    clock: this.clock,
    random: () => 0.5,
    connection: {
      isOnline: () => this.isOnline,
      whenOnline: async () => {
        if (!this.isOnline) await new Promise<void>((resolve) => this.#onlineWaiters.push(resolve))
      },
    },
  }

  goOnline(): void {
    this.isOnline = true
    for (const resume of this.#onlineWaiters.splice(0)) resume()
  }

  uploader(
    store: HandOverStore = memoryHandOverStore(),
    hash: FileHasher = async (file) => `hash of ${file.size} bytes`,
  ): Uploader {
    return new Uploader({
      portal: {
        portalId: 'prt_0000000000',
        limits: () => this.limits,
        token: () => this.portalToken,
        isOpen: async () => {
          if (this.isOpen instanceof Error) throw this.isOpen
          return this.isOpen
        },
      },
      wire: this.wire,
      api: createPortalApi(this.wire),
      store,
      hash,
      visibility: {
        whenVisible: () => (this.isLookedAt ? Promise.resolve() : new Promise(() => {})),
      },
      newKey: () => `key-${++this.#ids}`,
    })
  }

  calls(method: string, path: RegExp): Seen[] {
    return this.seen.filter((call) => call.method === method && path.test(call.path))
  }

  upload(fileName: string): FakeUpload {
    const found = [...this.uploads.values()].filter((upload) => upload.fileName === fileName)
    const last = found.at(-1)
    if (!last) throw new Error(`${fileName} was never announced`)
    return last
  }

  #http: Http = async (request) => {
    const { method, url, headers, body, signal } = request
    const path = url.replace(/^https:\/\/s3\.test/, 's3:')
    const isPut = path.startsWith('s3:')
    this.seen.push({
      method,
      path,
      headers,
      body: typeof body === 'string' ? JSON.parse(body) : body?.size,
      bodyType: body instanceof Blob ? body.type : undefined,
    })
    if (isPut) this.mostPutsAtOnce = Math.max(this.mostPutsAtOnce, ++this.putsAtOnce)
    try {
      await new Promise((resolve) => setImmediate(resolve))
      for (const intercept of this.intercepts) {
        const reply = await intercept(request)
        if (reply) return reply
        signal?.throwIfAborted()
      }
      signal?.throwIfAborted()
      return isPut ? this.#s3(request, path) : this.#api(method, path, headers, body)
    } finally {
      if (isPut) this.putsAtOnce -= 1
    }
  }

  #s3({ body, onSent }: HttpRequest, path: string): HttpReply {
    const [, uploadId = '', part = '', signedAt = ''] = path.split('/')
    const upload = this.uploads.get(uploadId)
    const partNumber = Number(part)
    if (this.now - Number(signedAt) > URL_LIVES_MS) return reply(403, '<Code>AccessDenied</Code>')
    if (upload?.status !== 'pending') return reply(404, '<Code>NoSuchUpload</Code>')
    const bytes = body as Blob
    upload.puts += 1
    if (bytes.size !== partLength({ ...upload, ...upload.plan }, partNumber)) {
      return reply(403, '<Code>SignatureDoesNotMatch</Code>')
    }
    onSent?.(bytes.size)
    if (upload.plan.method === 'put') {
      if (upload.object) return reply(412, '<Code>PreconditionFailed</Code>')
      upload.object = bytes
    }
    const etag = `"${uploadId}-${partNumber}"`
    upload.parts.set(partNumber, { bytes, etag })
    return reply(200, '', { etag })
  }

  #api(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    text: Blob | string | undefined,
  ): HttpReply {
    const body = typeof text === 'string' ? JSON.parse(text) : undefined
    const token = headers['authorization']?.replace('Bearer ', '')
    if (token !== undefined && !this.liveTokens.has(token)) return problem(401, 'TOKEN_EXPIRED')
    const route = `${method} ${path.replace(/\/(upl|sub)_\w+/, '/:id').replace(/\?.*/, '')}`
    const id = /(?:upl|sub)_\w+/.exec(path)?.[0] ?? ''
    const upload = this.uploads.get(id)
    switch (route) {
      case 'POST /api/upload':
        return this.#announce(body)
      case 'POST /api/upload/:id/parts':
        if (upload?.status !== 'pending') return problem(409, 'UPLOAD_CLOSED')
        return json({ parts: body.partNumbers.map((n: number) => this.#signed(upload, n)) })
      case 'GET /api/upload/:id/parts': {
        if (upload?.status !== 'pending') return problem(409, 'UPLOAD_CLOSED')
        const parts = [...upload.parts].map(([partNumber, part]) => ({
          partNumber,
          size: part.bytes.size,
          etag: part.etag,
        }))
        return json({ ...upload.plan, parts: upload.object && isMulti(upload) ? [] : parts })
      }
      case 'POST /api/upload/:id/complete':
        return this.#complete(id, body)
      case 'POST /api/submissions/:id/complete': {
        const replies = body.uploads.map((each: CompleteRequest & { uploadId: string }) =>
          this.#complete(each.uploadId, each),
        )
        return replies.find((each: HttpReply) => each.status >= 400) ?? json({ uploads: [] }, 202)
      }
      case 'DELETE /api/upload/:id':
        if (upload?.status !== 'pending') return problem(409, 'UPLOAD_CLOSED')
        upload.status = 'deleted'
        return reply(204, '')
      case 'GET /api/submissions/:id': {
        const uploads = [...this.uploads.values()].filter((each) => each.submissionId === id)
        return json({
          submissionId: id,
          uploads: uploads.map(({ uploadId, fileName, fileSize, status }) => ({
            uploadId,
            fileName,
            fileSize,
            status,
            ...(status === 'uploaded'
              ? { destination: { storageProvider: 'google_drive', name: 'Demo' } }
              : {}),
          })),
        })
      }
      default:
        throw new Error(`No such route: ${route}`)
    }
  }

  #announce(intent: {
    submissionId?: string
    files: { fileName: string; fileSize: number }[]
  }): HttpReply {
    const submissionId = intent.submissionId ?? `sub_${this.#nextId()}`
    const uploadToken = `write-${submissionId}-${this.#nextId()}`
    const readToken = `read-${submissionId}`
    this.liveTokens.add(uploadToken).add(readToken)
    const uploads = intent.files.map(({ fileName, fileSize }): UploadPlan => {
      const uploadId = `upl_${this.#nextId()}`
      const plan = planParts(fileSize)
      const upload: FakeUpload = {
        uploadId,
        submissionId,
        fileName,
        fileSize,
        status: 'pending',
        plan,
        parts: new Map(),
        object: undefined,
        contentHash: undefined,
        puts: 0,
      }
      this.uploads.set(uploadId, upload)
      const first = Array.from({ length: Math.min(plan.partCount, FIRST_PART_URLS) }, (_, i) =>
        this.#signed(upload, i + 1),
      )
      return {
        uploadId,
        fileName,
        storageProvider: 'google_drive',
        status: 'pending',
        ...plan,
        partUrls: first,
      }
    })
    const answer: IntentReply = { success: true, submissionId, uploadToken, readToken, uploads }
    return json(answer, 201)
  }

  #complete(uploadId: string, request: CompleteRequest): HttpReply {
    const upload = this.uploads.get(uploadId)
    if (!upload) return problem(404, 'UPLOAD_NOT_FOUND')
    if (upload.status === 'deleted' || upload.status === 'expired') {
      return problem(409, 'UPLOAD_CLOSED')
    }
    upload.contentHash ??= request.contentHash
    if (!upload.object) {
      const parts = [...upload.parts].sort(([a], [b]) => a - b)
      if (parts.length !== upload.plan.partCount) return problem(409, 'UPLOAD_INCOMPLETE')
      if (
        request.parts?.some(({ partNumber, etag }) => upload.parts.get(partNumber)?.etag !== etag)
      )
        return problem(409, 'UPLOAD_INCOMPLETE')
      upload.object = new Blob(parts.map(([, part]) => part.bytes))
    }
    return json({ uploadId, status: upload.status }, 202)
  }

  #signed(upload: FakeUpload, partNumber: number) {
    const url = `https://s3.test/${upload.uploadId}/${partNumber}/${this.now}/${this.#nextId()}`
    const headers: Record<string, string> = isMulti(upload) ? {} : { 'if-none-match': '*' }
    return { partNumber, url, headers }
  }

  #nextId(): string {
    this.#ids += 1
    return this.#ids.toString(36).padStart(12, '0')
  }
}

function isMulti(upload: FakeUpload): boolean {
  return upload.plan.method === 'multipart'
}

export function reply(
  status: number,
  body: string,
  headers: Record<string, string> = {},
): HttpReply {
  return { status, body, header: (name) => headers[name.toLowerCase()] ?? null }
}

function json(body: unknown, status = 200): HttpReply {
  return reply(status, JSON.stringify(body))
}

export function problem(status: number, code: string, errors: unknown[] = []): HttpReply {
  return json(
    { type: 'urn:x', title: code, status, detail: code, code, requestId: 'r', errors },
    status,
  )
}
