import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { apiOf, content, contentHash, control, ownersApi } from './api-client.ts'
import { BLOCK, signIn, startEmulator } from './emulator-fixture.ts'

describe('accounts', () => {
  it('are owner and second from the start, and more on demand', async () => {
    const fixture = await startEmulator()
    const third = { email: 'third@example.com', name: 'Théa', quota: { totalBytes: 100 } }

    const added = await control(fixture, 'POST', 'accounts', third)
    const { json } = await control(fixture, 'GET', 'accounts')

    expect(added.status).toBe(201)
    expect(json.map(({ email }: { email: string }) => email)).toEqual([
      'owner@example.com',
      'second@example.com',
      'third@example.com',
    ])
    expect(json[2]).toMatchObject({ ...third, quota: { usedBytes: 0, totalBytes: 100 } })
    expect(new Set(json.map(({ id }: { id: string }) => id)).size).toBe(3)
  })
})

it('the page shows accounts and what was delivered to them, as text', async () => {
  const fixture = await startEmulator()
  const api = await ownersApi(fixture)
  await api.upload('/Portage/<svg onload=alert(1)>', content(2048))

  const page = await fetch(`${fixture.url}/`)
  const html = await page.text()

  expect(html).toContain('Dropbox emulator')
  expect(html).toContain('/Portage/&lt;svg onload=alert(1)&gt;')
  expect(html).toContain('1 file, 2.0 KiB of 2.0 TiB')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
})

it('a restart keeps files, grants and accounts', async () => {
  const fixture = await startEmulator()
  const { access_token } = await signIn(fixture)
  await apiOf(fixture, access_token).upload('/a', content(10))
  const before = (await control(fixture, 'GET', 'files')).json

  const restarted = await fixture.restart()

  expect((await control(restarted, 'GET', 'files')).json).toEqual(before)
  expect(await apiOf(restarted, access_token).names('')).toEqual(['a'])
})

it('content is kept once, and not longer than it is needed', async () => {
  const fixture = await startEmulator()
  const api = await ownersApi(fixture)
  const blobs = () => readdir(join(fixture.dataDir, 'dropbox', 'blobs'))
  await api.upload('/a', content(10))
  await api.upload('/a', content(10))
  await api.rpc('files/copy_v2', { from_path: '/a', to_path: '/b' })

  expect(await blobs()).toHaveLength(1)
  await api.rpc('files/delete_v2', { path: '/a' })
  expect(await blobs()).toHaveLength(1)
  await api.upload('/b', content(11), { mode: 'overwrite' })
  expect(await blobs()).toHaveLength(1)
  await api.rpc('files/delete_v2', { path: '/b' })
  expect(await blobs()).toHaveLength(0)
})

/** The emulator in a process of its own, on the data of a fixture that was closed. */
async function inProcess(dataDir: string) {
  const child = fork(new URL('../emulator-process.ts', import.meta.url), ['dropbox', dataDir])
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [message] = await once(child, 'message')
  const { url } = message as { url: string }
  return {
    url,
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

it('kill -9 loses no content that was received and no file, and leaves no stray content', async () => {
  const fixture = await startEmulator()
  const { access_token } = await signIn(fixture)
  await fixture.close()
  const data = content(BLOCK + 10)
  const first = await inProcess(fixture.dataDir)
  const api = apiOf(first, access_token)
  await api.upload('/small', content(5))
  const id = await api.start(data.subarray(0, BLOCK))
  const hanging = api.send(
    'files/upload_session/append_v2',
    { cursor: { session_id: id, offset: BLOCK } },
    new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(5))
      },
    }),
  )
  const lost = expect(hanging).rejects.toThrow()

  await first.kill()
  await lost
  const second = await inProcess(fixture.dataDir)
  const again = apiOf(second, access_token)
  await again.append(id, BLOCK, data.subarray(BLOCK), { close: true })
  const { json } = await again.finish(id, data.length, { path: '/large' })

  expect(json.content_hash).toBe(contentHash(data))
  expect(await again.names('')).toEqual(['small', 'large'])
  expect(await readdir(join(fixture.dataDir, 'dropbox', 'blobs'))).toHaveLength(2)
})
