import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createFunctionLog } from '../../../infra/local/lambda/function-log.ts'

test('a log that has grown to its limit is started anew and keeps the file before', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'function-log-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true }))
  const write = (...lines: string[]) => {
    const log = createFunctionLog(dataDir, undefined, 10)
    for (const line of lines) log.write({ functionName: 'f', line })
    log.close()
  }
  const read = (name: string) => readFileSync(join(dataDir, 'logs', name), 'utf8')

  write('12345678')
  write('90', 'new', 'newer', 'newest')

  expect(readdirSync(join(dataDir, 'logs')).sort()).toEqual(['f.log', 'f.log.1'])
  expect(read('f.log.1')).toBe('new\nnewer\n')
  expect(read('f.log')).toBe('newest\n')
})
