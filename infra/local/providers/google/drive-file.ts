/** A file or folder of Drive and how it looks in the API. */

export const FOLDER_TYPE = 'application/vnd.google-apps.folder'
export const GOOGLE_TYPE_PREFIX = 'application/vnd.google-apps.'

export interface ContentHashes {
  md5: string
  sha1: string
  sha256: string
}

/** Stored bytes of a file. */
export interface FileContent extends ContentHashes {
  blob: string
  size: number
}

export interface DriveFile {
  id: string
  accountId: string
  /** The client that created it: drive.file shows it to no other. */
  clientId: string
  parentId: string
  name: string
  mimeType: string
  /** Folders have none. */
  content: FileContent | undefined
  description: string | undefined
  starred: boolean
  /** Itself or a folder above it. */
  trashed: boolean
  explicitlyTrashed: boolean
  properties: Record<string, string>
  /** Per client: "private to the requesting app". */
  appProperties: Record<string, Record<string, string>>
  createdMs: number
  modifiedMs: number
  revision: string | undefined
  version: number
}

/** Every member of the File resource that a `fields` parameter may name. https://developers.google.com/workspace/drive/api/reference/rest/v3/files */
export const FILE_FIELDS = new Set(
  `kind driveId fileExtension copyRequiresWriterPermission md5Checksum contentHints writersCanShare
  viewedByMe mimeType exportLinks parents thumbnailLink iconLink shared lastModifyingUser owners
  headRevisionId sharingUser webViewLink webContentLink size viewersCanCopyContent permissions
  hasThumbnail spaces folderColorRgb id name description starred trashed explicitlyTrashed createdTime
  modifiedTime modifiedByMeTime viewedByMeTime sharedWithMeTime quotaBytesUsed version
  originalFilename ownedByMe fullFileExtension properties appProperties isAppAuthorized teamDriveId
  capabilities hasAugmentedPermissions trashingUser thumbnailVersion trashedTime modifiedByMe
  permissionIds imageMediaMetadata videoMediaMetadata shortcutDetails contentRestrictions resourceKey
  linkShareMetadata labelInfo clientEncryptionDetails sha1Checksum sha256Checksum inheritedPermissionsDisabled downloadRestrictions`.split(
    /\s+/,
  ),
)

/** "If not specified, the fields returned are kind, id, name, mimeType" https://developers.google.com/workspace/drive/api/guides/fields-parameter */
export const DEFAULT_FILE_FIELDS = 'kind,id,name,mimeType'

interface ResourceContext {
  clientId: string
  ownerEmail: string
  ownerName: string
}

export function fileResource(file: DriveFile, context: ResourceContext): Record<string, unknown> {
  const { content } = file
  const owner = {
    kind: 'drive#user',
    displayName: context.ownerName,
    me: true,
    permissionId: file.accountId,
    emailAddress: context.ownerEmail,
  }
  const appProperties = file.appProperties[context.clientId]
  const dot = file.name.lastIndexOf('.')
  const extension = content && dot > 0 ? file.name.slice(dot + 1) : undefined
  return {
    kind: 'drive#file',
    id: file.id,
    name: file.name,
    mimeType: file.mimeType,
    ...(file.description === undefined ? {} : { description: file.description }),
    starred: file.starred,
    trashed: file.trashed,
    explicitlyTrashed: file.explicitlyTrashed,
    ...(file.parentId === '' ? {} : { parents: [file.parentId] }),
    ...(Object.keys(file.properties).length === 0 ? {} : { properties: file.properties }),
    ...(appProperties === undefined ? {} : { appProperties }),
    spaces: ['drive'],
    version: String(file.version),
    webViewLink: content
      ? `https://drive.google.com/file/d/${file.id}/view?usp=drivesdk`
      : `https://drive.google.com/drive/folders/${file.id}`,
    createdTime: new Date(file.createdMs).toISOString(),
    modifiedTime: new Date(file.modifiedMs).toISOString(),
    owners: [owner],
    lastModifyingUser: owner,
    ownedByMe: true,
    shared: false,
    isAppAuthorized: file.clientId === context.clientId,
    capabilities: {
      canEdit: true,
      canDelete: true,
      canTrash: true,
      canRename: true,
      canDownload: content !== undefined,
      canAddChildren: content === undefined,
    },
    // Sizes and versions are int64, which JSON carries as strings.
    quotaBytesUsed: String(content?.size ?? 0),
    ...(content
      ? {
          size: String(content.size),
          md5Checksum: content.md5,
          sha1Checksum: content.sha1,
          sha256Checksum: content.sha256,
          webContentLink: `https://drive.google.com/uc?id=${file.id}&export=download`,
          headRevisionId: file.revision,
          originalFilename: file.name,
          ...(extension === undefined
            ? {}
            : { fileExtension: extension, fullFileExtension: extension }),
        }
      : {}),
  }
}
