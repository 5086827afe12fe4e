/** Figures that server, pages and tests share. Imports nothing, so that the portal page stays small. */
const MIB = 1024 * 1024

/** Files of one intent; with submission and batch they fit into one DynamoDB transaction of 100 items. */
export const MAX_FILES_PER_INTENT = 50
/** Up to here a file is one presigned PUT, beyond it a multipart upload. */
export const SINGLE_PUT_MAX_BYTES = 16 * MIB
/** Body of the form-data upload: Lambda takes 6 MiB of base64. */
export const FORM_UPLOAD_MAX_BYTES = 4 * MIB
/** Block of the content hash (https://www.dropbox.com/developers/reference/content-hash). */
export const CONTENT_HASH_BLOCK_BYTES = 4 * MIB
/** The largest file of any provider, which is Google Drive's; what a portal's own takes is asked of its facts. */
export const MAX_FILE_BYTES = 5_120_000_000_000
/** Parts that one call may sign. */
export const MAX_PARTS_PER_SIGNING = 100
/** Parts whose URLs come with the intent's reply, so that the browser starts at once. */
export const FIRST_PART_URLS = 4
export const MAX_FILE_NAME_LENGTH = 255
export const MAX_RELATIVE_PATH_LENGTH = 2048

/** Part sizes: at least 8 MiB and at most 9,000 parts, in steps of 4 MiB so that content-hash blocks never straddle parts. */
export function partSizeBytes(fileSizeBytes: number): number {
  const step = CONTENT_HASH_BLOCK_BYTES
  return Math.max(2 * step, Math.ceil(fileSizeBytes / 9000 / step) * step)
}
