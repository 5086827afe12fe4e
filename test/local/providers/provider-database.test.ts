import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ProviderDatabase } from '../../../infra/local/providers/provider-database.ts'

const SCHEMA = 'CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY) STRICT;'

function dataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'provider-database-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

it('is opened again as it was left', () => {
  const dir = dataDir()
  const before = new ProviderDatabase(dir, 'cloud', SCHEMA)
  before.run('INSERT INTO accounts (id) VALUES (?)', 'one')
  before.close()

  const after = new ProviderDatabase(dir, 'cloud', SCHEMA)
  onTestFinished(() => after.close())

  expect(after.all('SELECT id FROM accounts')).toEqual([{ id: 'one' }])
})

it('says so when another version made it, instead of failing at some later call', () => {
  const dir = dataDir()
  new ProviderDatabase(dir, 'cloud', SCHEMA).close()

  const changed = `${SCHEMA}CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY) STRICT;`

  expect(() => new ProviderDatabase(dir, 'cloud', changed)).toThrow(/another version.*--fresh/)
})
