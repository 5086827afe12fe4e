import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { CHECKSUMS_SCHEMA, Checksums } from '../../../infra/local/providers/checksums.ts'
import { ProviderDatabase } from '../../../infra/local/providers/provider-database.ts'

const CONTENT = Buffer.from('a letter')
const KNOWN = { sha256: digest('sha256'), md5: digest('md5') }

function digest(algorithm: string): string {
  return createHash(algorithm).update(CONTENT).digest('hex')
}

function stored() {
  const dir = mkdtempSync(join(tmpdir(), 'checksums-'))
  const database = new ProviderDatabase(dir, 'cloud', CHECKSUMS_SCHEMA)
  onTestFinished(() => {
    database.close()
    rmSync(dir, { recursive: true, force: true })
  })
  const content = { blob: database.newBlob(), size: CONTENT.byteLength }
  writeFileSync(database.blobPath(content.blob), CONTENT)
  return { database, content, checksums: new Checksums(database) }
}

it('are made for whoever asks first, and kept', async () => {
  const { database, content, checksums } = stored()

  const told = await Promise.all([checksums.of(content), checksums.of(content)])
  database.removeBlob(content.blob)

  expect(told).toEqual([KNOWN, KNOWN])
  expect(await checksums.of(content)).toEqual(KNOWN)
})

it('are forgotten with the content', async () => {
  const { database, content, checksums } = stored()
  await checksums.of(content)

  database.removeBlob(content.blob)
  checksums.forget(content.blob)

  expect(await checksums.of(content)).toBeUndefined()
})

it('are not there for content that was deleted while somebody looked', async () => {
  const { database, content, checksums } = stored()
  database.removeBlob(content.blob)

  expect(await checksums.of(content)).toBeUndefined()
})
