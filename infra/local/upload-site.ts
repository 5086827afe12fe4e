import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { siteObject } from '../site-object.ts'
import type { S3Engine } from './s3/s3-engine.ts'

/** Puts the built pages into the site bucket; what is there already is left alone. */
export async function uploadSite(s3: S3Engine, bucketName: string, siteDir: string): Promise<void> {
  const entries = await readdir(siteDir, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = join(entry.parentPath, entry.name)
    const { key, contentType, cacheControl } = siteObject(
      relative(siteDir, file).replaceAll('\\', '/'),
    )
    const body = await readFile(file)
    if (storedEtag(s3, bucketName, key) === createHash('md5').update(body).digest('hex')) continue
    await s3.putObject(bucketName, key, { body, contentType, cacheControl })
  }
}

function storedEtag(s3: S3Engine, bucketName: string, key: string): string | undefined {
  const stored = s3.readObject(bucketName, key)
  stored?.stream.destroy()
  return stored?.etag
}
