/** The official client of Dropbox, unmodified but for the origin that it talks to. */
import { Dropbox, DropboxResponseError } from 'dropbox'
import { expect, it } from 'vitest'
import { content, contentHash } from './api-client.ts'
import { signIn, startEmulator } from './emulator-fixture.ts'

it('uploads, lists, moves, links, downloads and deletes', async () => {
  const fixture = await startEmulator()
  const { access_token } = await signIn(fixture)
  const client = new Dropbox({
    accessToken: access_token,
    fetch: (url: string, init: RequestInit) =>
      fetch(url.replace(/^https:\/\/[^/]+/, fixture.url), init),
  })
  const data = content(1000)

  const { result: account } = await client.usersGetCurrentAccount()
  const { result: file } = await client.filesUpload({ path: '/Grüße/a.bin', contents: data })
  const { result: session } = await client.filesUploadSessionStart({ close: true, contents: data })
  const { result: batch } = await client.filesUploadSessionFinishBatchV2({
    entries: [
      {
        cursor: { session_id: session.session_id, offset: 1000 },
        commit: { path: '/Grüße/b.bin' },
      },
    ],
  })
  await client.filesMoveV2({ from_path: '/Grüße/b.bin', to_path: '/Grüße/c.bin' })
  const { result: list } = await client.filesListFolder({ path: '/Grüße' })
  const { result: link } = await client.filesGetTemporaryLink({ path: '/Grüße/c.bin' })
  await client.filesDeleteV2({ path: '/Grüße/c.bin' })
  const gone = await client.filesGetMetadata({ path: '/Grüße/c.bin' }).catch((error) => error)

  expect(account.email).toBe('owner@example.com')
  expect(file.content_hash).toBe(contentHash(data))
  expect(batch.entries[0]?.['.tag']).toBe('success')
  expect(list.entries.map(({ name }) => name)).toEqual(['a.bin', 'c.bin'])
  expect(link.metadata.name).toBe('c.bin')
  expect(gone).toBeInstanceOf(DropboxResponseError)
  expect(gone.error.error).toEqual({ '.tag': 'path', path: { '.tag': 'not_found' } })
})
