import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { siteObject } from './site-object.ts'

/** Assets go up before the pages that name them, so that no visitor gets a page without its script. */
export async function uploadSite(
  s3: S3Client,
  { siteDir, bucket }: { siteDir: string; bucket: string },
): Promise<number> {
  const entries = await readdir(siteDir, { recursive: true, withFileTypes: true })
  const pagesLast = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(siteDir, join(entry.parentPath, entry.name)))
    .map((path) => siteObject(path.replaceAll('\\', '/')))
    .sort((a, b) => Number(a.key.endsWith('.html')) - Number(b.key.endsWith('.html')))
  for (const { key, contentType, cacheControl } of pagesLast) {
    await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: await readFile(join(siteDir, key)),
        ContentType: contentType,
        CacheControl: cacheControl,
      }),
    )
  }
  return pagesLast.length
}
