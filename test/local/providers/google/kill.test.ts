import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { content, control, digest, driveOf, putRange } from './drive-client.ts'
import { signIn, startEmulator, UNIT } from './emulator-fixture.ts'

/** The emulator in a process of its own, on the data of a fixture that was closed. */
async function inProcess(dataDir: string) {
  const child = fork(new URL('../emulator-process.ts', import.meta.url), ['google', dataDir])
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

it('kill -9 loses no stored chunk, no file and no account, and leaves no stray content', async () => {
  const fixture = await startEmulator()
  const { access_token } = await signIn(fixture)
  await fixture.close()
  const data = content(6 * UNIT)
  const first = await inProcess(fixture.dataDir)
  const drive = driveOf({ ...fixture, url: first.url }, access_token)
  await drive.upload({ name: 'small' }, Buffer.from('small'))
  const { location } = await drive.openSession({ name: 'large' }, data.length)
  await putRange(location, `bytes 0-${2 * UNIT - 1}/${data.length}`, data.subarray(0, 2 * UNIT))
  const hanging = fetch(location, {
    method: 'PUT',
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(data.subarray(2 * UNIT, 4 * UNIT))
      },
    }),
    duplex: 'half',
    headers: {
      'content-range': `bytes ${2 * UNIT}-${data.length - 1}/${data.length}`,
      'content-length': String(4 * UNIT),
    },
  } as RequestInit)
  const lost = expect(hanging).rejects.toThrow()

  await first.kill()
  await lost
  const second = await inProcess(fixture.dataDir)
  const moved = location.replace(first.url, second.url)
  const status = await putRange(moved, `bytes */${data.length}`)
  const done = await putRange(
    moved,
    `bytes ${2 * UNIT}-${data.length - 1}/${data.length}`,
    data.subarray(2 * UNIT),
  )
  const { json } = await control({ ...fixture, url: second.url }, 'GET', 'files')

  expect(status.headers.get('range')).toBe(`bytes=0-${2 * UNIT - 1}`)
  expect(done.json.sha256Checksum).toBe(digest('sha256', data))
  expect(json.files.map((file: { name: string }) => file.name)).toEqual(['small', 'large'])
  expect(await readdir(join(fixture.dataDir, 'google', 'blobs'))).toHaveLength(2)
})
