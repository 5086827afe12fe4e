/** `alt=media`: content of a file, whole or one range of it. */
import { contentReply } from '../content-reply.ts'
import type { Exchange, Reply } from '../exchange.ts'
import { DriveError } from './drive-error.ts'
import type { DriveFile } from './drive-file.ts'
import type { DriveParts } from './drive-parts.ts'

export function downloadReply(parts: DriveParts, exchange: Exchange, file: DriveFile): Reply {
  const { content } = file
  if (!content) {
    throw new DriveError(
      403,
      'fileNotDownloadable',
      'Only files with binary content can be downloaded. Use Export with Docs Editors files.',
      { location: 'alt', locationType: 'parameter' },
    )
  }
  return contentReply(exchange, {
    blobPath: parts.database.blobPath(content.blob),
    size: content.size,
    headers: {
      'content-type': file.mimeType,
      'cache-control': 'private, max-age=0, must-revalidate',
    },
  })
}
