import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { operatorCredentials, roleCredentials } from '../../infra/local/credentials.ts'

const makeFolder = () => mkdtempSync(join(tmpdir(), 'credentials-'))

it("the operator's key is kept where only the operator can read it", () => {
  const dataDir = makeFolder()

  const credentials = operatorCredentials(dataDir)

  const file = join(dataDir, 'operator.json')
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(credentials)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(operatorCredentials(dataDir)).toEqual(credentials)
})

it('each function has a key of its own, which outlives a restart', () => {
  const dataDir = makeFolder()

  const auth = roleCredentials(dataDir, 'auth')

  expect(roleCredentials(dataDir, 'auth')).toEqual(auth)
  expect(roleCredentials(dataDir, 'connect').secretAccessKey).not.toBe(auth.secretAccessKey)
  expect(roleCredentials(makeFolder(), 'auth').secretAccessKey).not.toBe(auth.secretAccessKey)
  expect(statSync(join(dataDir, 'credentials.key')).mode & 0o777).toBe(0o600)
})
