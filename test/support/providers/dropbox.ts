/** Dropbox as tests see it. */
import { createDropboxProvider } from '../../../shared/providers/dropbox/driver.ts'
import type { CallProvider, ProviderSuite } from '../provider-suite.ts'

const START = { method: 'POST', route: '/2/files/upload_session/start' }
const APPEND = { method: 'POST', route: '/2/files/upload_session/append_v2' }

const IDENTITY = ['openid', 'email', 'profile']
const STORAGE = ['files.content.write', 'files.content.read', 'files.metadata.read']
/** A token is given no more than it was asked for; ID tokens repeat no nonce. */
const ANY = { include_granted_scopes: null, nonce: null }

const RATE_LIMITED = { code: 'RETRY_LATER', reason: 'RATE_LIMITED' }
const UNAVAILABLE = { code: 'RETRY_LATER', reason: 'UNAVAILABLE' }

export const DROPBOX: ProviderSuite = {
  id: 'dropbox',
  storageId: 'dropbox',
  name: 'Dropbox',
  driver: (origin) => createDropboxProvider({ apiUrl: origin, contentUrl: origin }),
  requests: {
    // The bytes; the file is made of them by a commit.
    whole: START,
    begin: START,
    chunk: APPEND,
    ask: APPEND,
    commit: { method: 'POST', route: '/2/files/upload_session/finish_batch_v2' },
    folder: { method: 'POST', route: '/2/files/create_folder_v2' },
    find: { method: 'POST', route: '/2/files/get_metadata' },
    download: { method: 'POST', route: '/2/files/download' },
    delete: { method: 'POST', route: '/2/files/delete_v2' },
    exchange: { method: 'POST', route: '/oauth2/token' },
    refresh: { method: 'POST', route: '/oauth2/token' },
    revoke: { method: 'POST', route: '/2/auth/token/revoke' },
    quota: { method: 'POST', route: '/2/users/get_space_usage' },
  },
  chunkOperation: 'files/upload_session/append_v2',
  manners: {
    // A path needs no folder before it, and what stands there may be anybody's.
    missingFolder: 'is made',
    binnedFolder: 'is made again',
    binnedFile: 'is gone',
    otherContent: 'ID_UNUSABLE',
    ownId: 'another',
    // A chunk that does not begin where the session is is refused with where that is.
    overlap: 'is refused',
    gap: 'is refused',
    // An answer never says how much was stored; the next question does.
    partOfChunk: 'is told when asked',
    // What a session answers after its commit is not documented.
    endedSession: 'is lost',
    mimeType: 'is not kept',
    downloadLink: 'string',
  },
  // https://www.dropbox.com/developers/documentation/http/documentation#error-handling
  refusals: [
    {
      name: '429 too_many_requests',
      fault: { action: 'status:429:too_many_requests', retryAfterSeconds: 7 },
      word: { ...RATE_LIMITED, afterMs: 7000 },
    },
    {
      name: '429 too_many_write_operations',
      fault: { action: 'status:429:too_many_write_operations' },
      word: RATE_LIMITED,
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
      name: '401 expired_access_token',
      fault: { action: 'status:401:expired_access_token' },
      word: { code: 'RECONNECT_NEEDED', tokenRejected: true },
    },
    {
      name: '401 missing_scope',
      fault: { action: 'status:401:missing_scope' },
      word: { code: 'RECONNECT_NEEDED', tokenRejected: false },
    },
    {
      name: '403 no_permission',
      fault: { action: 'status:403:no_permission' },
      word: { code: 'REJECTED', reason: 'FORBIDDEN' },
    },
    {
      name: 'a reset connection',
      fault: { action: 'reset', bytes: 0 },
      word: { code: 'RETRY_LATER', reason: 'NETWORK' },
    },
  ],
  ownMishaps: [
    // A session that is lost.
    { file: 'large', step: 'chunk', action: 'status:409:not_found' },
    { file: 'small', step: 'commit', action: 'status:503', retryAfterSeconds: 0 },
    { file: 'small', step: 'commit', action: 'apply-then-503', retryAfterSeconds: 0 },
    { file: 'small', step: 'commit', action: 'reset' },
    { file: 'large', step: 'commit', action: 'status:503', retryAfterSeconds: 0 },
    { file: 'large', step: 'commit', action: 'apply-then-503', retryAfterSeconds: 0 },
    // The lock of a namespace: https://www.dropbox.com/developers/reference/data-ingress-guide
    {
      file: 'small',
      step: 'commit',
      action: 'status:429:too_many_write_operations',
      retryAfterSeconds: 0,
    },
    { file: 'large', step: 'commit', action: 'entries-busy' },
  ],
  limits: [
    { action: 'status:429:too_many_requests' },
    { action: 'status:429:too_many_write_operations' },
  ],
  longRefusal: { action: 'status:429:too_many_requests', retryAfterSeconds: 3600 },
  largeDownload: 'link',
  // Bytes are sent as they come from the bucket; the hash of the whole file is what proves it.
  knowinglyBroken: ['a content hash with content'],
  names: [
    ['a:b*c? "d" <e>|.txt', 'a:b*c? "d" <e>|.txt'],
    // Accents in two spellings.
    ['Re\u0301sume\u0301.pdf', 'R\u00e9sum\u00e9.pdf'],
    ['photo 📷.jpg', 'photo 📷.jpg'],
    ['ends with a dot.', 'ends with a dot.'],
    ['=1+1.csv', '=1+1.csv'],
    // Names that it keeps for systems and applications: https://help.dropbox.com/organize/file-names
    ['Thumbs.db', '_Thumbs.db'],
    ['~$letter.docx', '_~$letter.docx'],
    ['ends with a space ', 'ends with a space_'],
  ],
  fileId: /^id:[\w-]{20,}$/,
  neededOperations: [
    'files/create_folder_v2',
    'files/delete_v2',
    'files/download',
    'files/get_metadata',
    'files/upload_session/append_v2',
    'files/upload_session/finish_batch_v2',
    'files/upload_session/start',
    'users/get_space_usage',
    'oauth.authorize',
    'oauth.token.code',
    'oauth.token.refresh',
  ],
  // https://www.dropbox.com/developers/documentation/http/documentation#files-upload_session-finish
  maxFileBytes: 2_199_019_061_248,
  identity: { subject: /^dbid:/, hasPicture: false },
  storageScopes: STORAGE,
  asks: {
    login: { scopes: IDENTITY, parameters: { ...ANY, token_access_type: 'online' } },
    connect: {
      scopes: [...IDENTITY, 'account_info.read', ...STORAGE],
      parameters: { ...ANY, token_access_type: 'offline', force_reapprove: 'true' },
    },
  },
  secrets: [
    { table: 'codes', column: 'code' },
    { table: 'access_tokens', column: 'token' },
    { table: 'refresh_tokens', column: 'token' },
    { table: 'sessions', column: 'session_id' },
    { table: 'links', column: 'token' },
  ],
  deeds: {
    trash: remove,
    remove,
    // What is deleted is out of reach at once.
    erase: remove,
    async rename(call, path, name) {
      const to_path = path.replace(/[^/]*$/, name)
      await call('POST', '/2/files/move_v2', { json: { from_path: path, to_path } })
    },
    async replace(call, path, content) {
      await call('POST', '/2/files/upload', {
        content,
        headers: {
          'content-type': 'application/octet-stream',
          'dropbox-api-arg': JSON.stringify({ path, mode: 'overwrite' }),
        },
      })
    },
  },
}

async function remove(call: CallProvider, path: string): Promise<void> {
  await call('POST', '/2/files/delete_v2', { json: { path } })
}
