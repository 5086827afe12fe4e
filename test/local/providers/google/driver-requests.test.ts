/** Every request of our own Drive driver keeps Google's published rules. */
import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { createDriveProvider } from '../../../../shared/providers/drive/driver.ts'
import type { Progress, UploadTarget } from '../../../../shared/providers/provider.ts'
import { control } from './drive-client.ts'
import { DRIVE_FILE, signIn, startEmulator, UNIT } from './emulator-fixture.ts'

async function* pieces(content: Buffer) {
  yield content
}

it('keeps the rules in every call of the driver', async () => {
  const fixture = await startEmulator()
  const auth = { accessToken: (await signIn(fixture, { scope: DRIVE_FILE })).access_token }
  const driver = createDriveProvider({ apiUrl: fixture.url })
  await control(fixture, 'DELETE', 'requests')

  const [folderId = '', ...ids] = await driver.reserveIds(auth, 6)
  const sizes = [0, 1, 5_000_000, 2 * UNIT, 2 * UNIT + 1]
  const targets = sizes.map(
    (sizeBytes, index): UploadTarget => ({
      fileId: ids[index] ?? '',
      folderId,
      name: `Ünïcode "${index}" \\ '.txt`,
      mimeType: index % 2 === 0 ? 'text/plain' : 'no type',
      sizeBytes,
    }),
  )
  await driver.ensureFolder(auth, { folderId, name: 'Papers', parentId: 'root' })
  await driver.ensureFolder(auth, { folderId, name: 'Papers', parentId: 'root' })
  for (const target of targets.slice(0, 3)) {
    await driver.uploadWhole(auth, target, randomBytes(target.sizeBytes))
  }
  for (const target of targets.slice(3)) {
    const opened = await driver.openSession(auth, target)
    if (!('sessionUri' in opened)) throw new Error('no session was opened')
    let progress: Progress = await driver.sessionProgress(auth, opened.sessionUri, target)
    while (progress.state === 'partial') {
      const { offsetBytes } = progress
      const sizeBytes = Math.min(UNIT, target.sizeBytes - offsetBytes)
      const body = pieces(randomBytes(sizeBytes))
      progress = await driver.sendChunk(auth, opened.sessionUri, target, {
        offsetBytes,
        sizeBytes,
        body,
      })
    }
    await driver.sessionProgress(auth, opened.sessionUri, target)
  }
  const [empty, one] = targets
  if (!empty || !one) throw new Error('no targets')
  await (await driver.download(auth, one.fileId)).body.cancel()
  const range = { offsetBytes: 0, sizeBytes: 1 }
  await (await driver.download(auth, one.fileId, range)).body.cancel()
  await driver.findFile(auth, one.fileId)
  await driver.quota(auth)
  await driver.deleteFile(auth, empty.fileId)
  await driver.deleteFile(auth, empty.fileId)

  const { requests } = (await control(fixture, 'GET', 'requests')).json
  const operations = requests.map(({ operation }: { operation: string }) => operation)
  expect(new Set(operations)).toEqual(
    new Set([
      'drive.about.get',
      'drive.files.create',
      'drive.files.delete',
      'drive.files.download',
      'drive.files.generateIds',
      'drive.files.get',
      'drive.session.chunk',
      'drive.session.status',
    ]),
  )
  expect(requests.filter((request: object) => 'brokenRules' in request)).toEqual([])
})
