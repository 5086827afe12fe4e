/**
 * Access keys of this machine: the operator's, written for people to use, and one per function,
 * derived from a key in the data folder, so that a presigned URL outlives a restart.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LOCAL_REGION } from './engine.ts'

export interface OperatorCredentials {
  accessKeyId: string
  secretAccessKey: string
  region: string
}

export interface RoleCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
}

/** Whoever reads it may do everything here, so nobody else on the machine may read it. */
const SECRET_FILE_MODE = 0o600

export function operatorCredentials(dataDir: string): OperatorCredentials {
  const file = join(dataDir, 'operator.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  const credentials = {
    accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
    region: LOCAL_REGION,
  }
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: SECRET_FILE_MODE })
  return credentials
}

export function roleCredentials(dataDir: string, functionName: string): RoleCredentials {
  const key = credentialKey(dataDir)
  const derive = (purpose: string): Buffer =>
    createHmac('sha256', key).update(`${purpose}/${functionName}`).digest()
  return {
    accessKeyId: `ASIA${derive('access-key').toString('hex').slice(0, 16).toUpperCase()}`,
    secretAccessKey: derive('secret').toString('base64url'),
    sessionToken: derive('session-token').toString('base64url'),
  }
}

function credentialKey(dataDir: string): Buffer {
  const file = join(dataDir, 'credentials.key')
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(32), { mode: SECRET_FILE_MODE, flag: 'wx' })
  }
  return readFileSync(file)
}
