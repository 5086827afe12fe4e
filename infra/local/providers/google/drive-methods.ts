/**
 * The methods of Drive v3: those that are served with their query parameters, and what is known
 * but not served. https://developers.google.com/workspace/drive/api/reference/rest/v3
 */
import { DriveError, invalidValue } from './drive-error.ts'

type ParameterKind = 'text' | 'boolean' | 'integer' | readonly string[]
type Parameters = Record<string, ParameterKind>

/** Every method takes these. https://cloud.google.com/apis/docs/system-parameters */
const STANDARD_PARAMETERS: Parameters = {
  '$.xgafv': ['1', '2'],
  access_token: 'text',
  alt: ['json', 'media', 'proto'],
  callback: 'text',
  fields: 'text',
  key: 'text',
  oauth_token: 'text',
  prettyPrint: 'boolean',
  quotaUser: 'text',
  uploadType: ['media', 'multipart', 'resumable'],
  upload_protocol: 'text',
}
const ALL_DRIVES: Parameters = { supportsAllDrives: 'boolean', supportsTeamDrives: 'boolean' }
const FILE_REPLY: Parameters = {
  ...ALL_DRIVES,
  includeLabels: 'text',
  includePermissionsForView: ['published'],
}
const CONTENT: Parameters = {
  enforceSingleParent: 'boolean',
  keepRevisionForever: 'boolean',
  ocrLanguage: 'text',
  useContentAsIndexableText: 'boolean',
}

interface DriveMethod {
  id: string
  verb: string
  /** Below `/drive/v3/`; `{id}` stands for a file's id. */
  path: string
  parameters: Parameters
  /** Content goes to the same path below `/upload`. */
  takesContent: boolean
  /** Answers with files, whose members `fields` names. */
  answersFiles: boolean
}

type Traits = Partial<Pick<DriveMethod, 'takesContent' | 'answersFiles'>>

function served(
  id: string,
  verb: string,
  path: string,
  parameters: Parameters,
  { takesContent = false, answersFiles = false }: Traits = {},
): DriveMethod {
  return { id: `drive.${id}`, verb, path, parameters, takesContent, answersFiles }
}

/** The first that fits is meant: words come before ids. */
export const DRIVE_METHODS: readonly DriveMethod[] = [
  served('about.get', 'GET', 'about', {}),
  served('files.generateIds', 'GET', 'files/generateIds', {
    count: 'integer',
    space: ['drive', 'appDataFolder'],
    type: ['files', 'shortcuts'],
  }),
  served(
    'files.list',
    'GET',
    'files',
    {
      ...FILE_REPLY,
      corpora: ['user', 'domain', 'drive', 'allDrives'],
      corpus: ['user', 'domain'],
      driveId: 'text',
      includeItemsFromAllDrives: 'boolean',
      includeTeamDriveItems: 'boolean',
      orderBy: 'text',
      pageSize: 'integer',
      pageToken: 'text',
      q: 'text',
      spaces: 'text',
      teamDriveId: 'text',
    },
    { answersFiles: true },
  ),
  served(
    'files.create',
    'POST',
    'files',
    { ...FILE_REPLY, ...CONTENT, ignoreDefaultVisibility: 'boolean' },
    { takesContent: true, answersFiles: true },
  ),
  served('files.emptyTrash', 'DELETE', 'files/trash', {
    driveId: 'text',
    enforceSingleParent: 'boolean',
  }),
  served(
    'files.get',
    'GET',
    'files/{id}',
    { ...FILE_REPLY, acknowledgeAbuse: 'boolean' },
    { answersFiles: true },
  ),
  served(
    'files.update',
    'PATCH',
    'files/{id}',
    { ...FILE_REPLY, ...CONTENT, addParents: 'text', removeParents: 'text' },
    { takesContent: true, answersFiles: true },
  ),
  served('files.delete', 'DELETE', 'files/{id}', { ...ALL_DRIVES, enforceSingleParent: 'boolean' }),
  served('files.export', 'GET', 'files/{id}/export', { mimeType: 'text' }),
]

/** Areas of the API that Google has and this emulator has not. */
const NOT_SERVED = [
  /^files\/generateCseToken$/,
  /^files\/[^/]+\/(accessproposals|comments|permissions|revisions)(\/|$)/,
  /^files\/[^/]+\/approvals([/:]|$)/,
  /^files\/[^/]+\/(copy|download|listLabels|modifyLabels|watch)$/,
  /^(apps|changes|channels|drives|operations|teamdrives)(\/|$)/,
]

export interface DriveCall {
  method: DriveMethod
  /** Of the file in the path; empty where the path names none. */
  fileId: string
}

/** What a request of `/drive/v3/` or `/upload/drive/v3/` asks for; undefined when there is no such method. */
export function findDriveCall(verb: string, pathname: string): DriveCall | undefined {
  const match = /^(\/upload)?\/drive\/v3\/(.+)$/.exec(pathname)
  if (!match) return undefined
  const [, upload, path = ''] = match
  for (const method of DRIVE_METHODS) {
    if (method.verb !== verb || (upload !== undefined && !method.takesContent)) continue
    const fileId = fileIdIn(path, method.path)
    if (fileId !== undefined && !NOT_SERVED.some((area) => area.test(path))) {
      return { method, fileId }
    }
  }
  return undefined
}

function fileIdIn(path: string, template: string): string | undefined {
  const [before = '', after] = template.split('{id}')
  if (after === undefined) return path === template ? '' : undefined
  if (!path.startsWith(before) || !path.endsWith(after)) return undefined
  const id = path.slice(before.length, path.length - after.length)
  return id === '' || id.includes('/') ? undefined : id
}

/** The refusal of a request that no served method answers. */
export function noSuchMethod(pathname: string): DriveError {
  const path = pathname.replace(/^(\/upload)?\/drive\/v3\//, '')
  if (pathname.startsWith('/batch') || NOT_SERVED.some((area) => area.test(path))) {
    return new DriveError(501, 'notImplemented', `The emulator does not serve ${pathname}.`)
  }
  return new DriveError(404, 'notFound', 'Not Found')
}

/** Whether the reference lists the parameter for the method. */
export function takesParameter(method: DriveMethod, name: string): boolean {
  return kindOf(method, name) !== undefined
}

function kindOf({ parameters }: DriveMethod, name: string): ParameterKind | undefined {
  if (Object.hasOwn(parameters, name)) return parameters[name]
  return Object.hasOwn(STANDARD_PARAMETERS, name) ? STANDARD_PARAMETERS[name] : undefined
}

/** Refuses values that are not of their parameter's type; unknown parameters change nothing. */
export function checkParameters(method: DriveMethod, parameters: URLSearchParams): void {
  for (const [name, value] of parameters) {
    const kind = kindOf(method, name)
    if (kind === undefined || kind === 'text' || value === '') continue
    if (kind === 'boolean' && !['true', 'false'].includes(value)) throw invalidValue(name)
    if (kind === 'integer' && !/^-?\d+$/.test(value)) throw invalidValue(name)
    if (typeof kind !== 'string' && !kind.includes(value)) throw invalidValue(name)
  }
}
