/** Google Drive as tests see it. */
import { createDriveProvider } from '../../../shared/providers/drive/driver.ts'
import { RESERVING_MANNERS } from '../../contract/manners.ts'
import type { CallProvider, ProviderSuite } from '../provider-suite.ts'

const FILES = '/drive/v3/files'
const UPLOADS = '/upload/drive/v3/files'
const CHUNK = { method: 'PUT', route: `${UPLOADS}?upload_id` }

const IDENTITY = ['openid', 'email', 'profile']
const DRIVE_FILE = 'https://www.googleapis.com/auth/drive.file'
/** A token is given no more than it was asked for, and the ID token repeats the nonce. */
const ANY = { include_granted_scopes: null, nonce: /^[\w-]{40,}$/ }

const RATE_LIMITED = { code: 'RETRY_LATER', reason: 'RATE_LIMITED' }
const UNAVAILABLE = { code: 'RETRY_LATER', reason: 'UNAVAILABLE' }

export const DRIVE: ProviderSuite = {
  id: 'google',
  storageId: 'google_drive',
  name: 'Google Drive',
  driver: (apiUrl) => createDriveProvider({ apiUrl }),
  requests: {
    whole: { method: 'POST', route: `${UPLOADS}?uploadType=multipart` },
    begin: { method: 'POST', route: `${UPLOADS}?uploadType=resumable` },
    chunk: CHUNK,
    ask: CHUNK,
    // The last chunk makes the file.
    commit: CHUNK,
    folder: { method: 'POST', route: FILES },
    find: { method: 'GET', route: FILES },
    download: { method: 'GET', route: `${FILES}?alt=media` },
    delete: { method: 'DELETE', route: FILES },
    exchange: { method: 'POST', route: '/token' },
    refresh: { method: 'POST', route: '/token' },
    revoke: { method: 'POST', route: '/revoke' },
    quota: { method: 'GET', route: '/drive/v3/about' },
  },
  chunkOperation: 'drive.session.chunk',
  manners: RESERVING_MANNERS,
  // https://developers.google.com/workspace/drive/api/guides/handle-errors
  refusals: [
    {
      name: '403 userRateLimitExceeded',
      fault: { action: 'status:403:userRateLimitExceeded' },
      word: RATE_LIMITED,
    },
    {
      name: '403 rateLimitExceeded',
      fault: { action: 'status:403:rateLimitExceeded' },
      word: RATE_LIMITED,
    },
    { name: '429', fault: { action: 'status:429' }, word: RATE_LIMITED },
    {
      name: '429 with Retry-After',
      fault: { action: 'status:429', retryAfterSeconds: 7 },
      word: { ...RATE_LIMITED, afterMs: 7000 },
    },
    {
      name: '403 of the daily upload limit',
      fault: { action: 'status:403:userRateLimitExceeded', message: 'User rate limit exceeded.' },
      word: { code: 'RETRY_LATER', reason: 'DAILY_LIMIT' },
    },
    { name: '408', fault: { action: 'status:408' }, word: UNAVAILABLE },
    { name: '500', fault: { action: 'status:500' }, word: UNAVAILABLE },
    { name: '502', fault: { action: 'status:502' }, word: UNAVAILABLE },
    {
      name: '503 with Retry-After',
      fault: { action: 'status:503', retryAfterSeconds: 2 },
      word: { ...UNAVAILABLE, afterMs: 2000 },
    },
    { name: '504', fault: { action: 'status:504' }, word: UNAVAILABLE },
    {
      name: '403 storageQuotaExceeded',
      fault: { action: 'status:403:storageQuotaExceeded' },
      word: { code: 'QUOTA_FULL' },
    },
    {
      name: '401 authError',
      fault: { action: 'status:401:authError' },
      word: { code: 'RECONNECT_NEEDED', tokenRejected: true },
    },
    {
      name: '403 insufficientPermissions',
      fault: { action: 'status:403:insufficientPermissions' },
      word: { code: 'RECONNECT_NEEDED', tokenRejected: false },
    },
    {
      name: 'a reset connection',
      fault: { action: 'reset', bytes: 0 },
      word: { code: 'RETRY_LATER', reason: 'NETWORK' },
    },
  ],
  ownMishaps: [
    // A session that is lost: https://developers.google.com/workspace/drive/api/guides/manage-uploads#resume-upload
    { file: 'large', step: 'chunk', action: 'status:404' },
    {
      file: 'large',
      step: 'begin',
      action: 'status:403:userRateLimitExceeded',
      retryAfterSeconds: 0,
    },
    { file: 'large', step: 'begin', action: 'late-conflict' },
  ],
  limits: [
    { action: 'status:429' },
    { action: 'status:403:userRateLimitExceeded' },
    { action: 'status:403:dailyLimitExceeded' },
  ],
  longRefusal: { action: 'status:403:dailyLimitExceeded' },
  largeDownload: 'copy',
  knowinglyBroken: [],
  names: [
    ['a:b*c? "d" <e>|.txt', 'a:b*c? "d" <e>|.txt'],
    // Accents in two spellings.
    ['Re\u0301sume\u0301.pdf', 'R\u00e9sum\u00e9.pdf'],
    ['photo 📷.jpg', 'photo 📷.jpg'],
    ['ends with a dot.', 'ends with a dot.'],
    ['=1+1.csv', '=1+1.csv'],
    ['Thumbs.db', 'Thumbs.db'],
    ['~$letter.docx', '~$letter.docx'],
    ['ends with a space ', 'ends with a space '],
  ],
  fileId: /^[\w-]{20,}$/,
  neededOperations: [
    'drive.files.create',
    'drive.files.delete',
    'drive.files.download',
    'drive.files.generateIds',
    'drive.files.get',
    'drive.session.chunk',
    'drive.session.status',
    'oauth.authorize',
    'oauth.token.code',
    'oauth.token.refresh',
  ],
  // https://developers.google.com/workspace/drive/api/reference/rest/v3/files/create
  maxFileBytes: 5_120_000_000_000,
  identity: { subject: /^\d+$/, hasPicture: true },
  storageScopes: [DRIVE_FILE],
  asks: {
    login: {
      scopes: IDENTITY,
      parameters: { ...ANY, access_type: null, prompt: 'select_account' },
    },
    connect: {
      scopes: [...IDENTITY, DRIVE_FILE],
      parameters: { ...ANY, access_type: 'offline', prompt: 'consent select_account' },
    },
  },
  secrets: [
    { table: 'codes', column: 'code' },
    { table: 'access_tokens', column: 'token' },
    { table: 'refresh_tokens', column: 'token' },
    { table: 'sessions', column: 'upload_id' },
  ],
  deeds: {
    trash,
    remove: async (call, path) => trash(call, await idAt(call, path)),
    async erase(call, path) {
      await call('DELETE', `${FILES}/${await idAt(call, path)}`)
    },
    async rename(call, path, name) {
      await call('PATCH', `${FILES}/${await idAt(call, path)}`, { json: { name } })
    },
    async replace(call, path, content) {
      await call('PATCH', `${UPLOADS}/${await idAt(call, path)}?uploadType=media`, {
        content,
        headers: { 'content-type': 'application/octet-stream' },
      })
    },
  },
}

async function trash(call: CallProvider, id: string): Promise<void> {
  await call('PATCH', `${FILES}/${id}`, { json: { trashed: true } })
}

/** Drive has no paths: each step is a search in the folder before it. */
async function idAt(call: CallProvider, path: string): Promise<string> {
  let id = 'root'
  for (const name of path.split('/').filter((segment) => segment !== '')) {
    const literal = name.replace(/['\\]/g, '\\$&')
    const q = `name = '${literal}' and '${id}' in parents and trashed = false`
    const { files } = (await call('GET', `${FILES}?${new URLSearchParams({ q })}`)) as {
      files: { id: string }[]
    }
    const [found] = files
    if (!found || files.length > 1) throw new Error(`${files.length} of ${path} in Drive`)
    id = found.id
  }
  return id
}
