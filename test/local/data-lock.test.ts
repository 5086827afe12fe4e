import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { DataFolderInUseError, lockDataFolder } from '../../infra/local/data-lock.ts'

const makeFolder = () => mkdtempSync(join(tmpdir(), 'lock-'))

it('one runner holds a data folder; the next one gets it when that is closed', () => {
  const dataDir = makeFolder()
  const lock = lockDataFolder(dataDir)

  expect(() => lockDataFolder(dataDir)).toThrow(DataFolderInUseError)
  expect(() => lockDataFolder(dataDir)).toThrow(`process ${process.pid}`)

  lock.release()
  lockDataFolder(dataDir).release()
})

it('the lock of a killed runner holds nobody up', async () => {
  const dataDir = makeFolder()
  const script = `import { lockDataFolder } from ${JSON.stringify(import.meta.resolve('../../infra/local/data-lock.ts'))}
    lockDataFolder(process.argv[1])
    console.log('locked')
    setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir])
  await once(holder.stdout, 'data')
  expect(() => lockDataFolder(dataDir)).toThrow(`process ${holder.pid}`)

  holder.kill('SIGKILL')
  await once(holder, 'exit')

  lockDataFolder(dataDir).release()
})
