import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { mockClient } from 'aws-sdk-client-mock'
import { expect, onTestFinished, test } from 'vitest'
import { siteObject } from '../../infra/site-object.ts'
import { uploadSite } from '../../infra/upload-site.ts'

test('hashed assets are kept for a year, pages are asked for each time', () => {
  expect(siteObject('assets/index-B8EiQzuE.js')).toEqual({
    key: 'assets/index-B8EiQzuE.js',
    contentType: 'text/javascript; charset=utf-8',
    cacheControl: 'public, max-age=31536000, immutable',
  })
  expect(siteObject('portal.html')).toEqual({
    key: 'portal.html',
    contentType: 'text/html; charset=utf-8',
    cacheControl: 'no-cache',
  })
})

test('a file of unknown kind is not uploaded', () => {
  expect(() => siteObject('assets/notes.exe')).toThrow('notes.exe')
})

test('assets are there before the pages that name them', async () => {
  const siteDir = await mkdtemp(join(tmpdir(), 'portage-site-'))
  onTestFinished(() => rm(siteDir, { recursive: true }))
  await mkdir(join(siteDir, 'assets'))
  for (const file of ['index.html', 'portal.html', 'assets/a-12345678.js']) {
    await writeFile(join(siteDir, file), file)
  }
  const s3 = mockClient(S3Client)
  onTestFinished(() => s3.restore())
  s3.on(PutObjectCommand).resolves({})

  const uploaded = await uploadSite(new S3Client({ region: 'us-east-1' }), {
    siteDir,
    bucket: 'site',
  })

  const puts = s3.commandCalls(PutObjectCommand).map(({ args }) => args[0].input)
  expect(uploaded).toBe(3)
  expect(puts[0]).toMatchObject({
    Bucket: 'site',
    Key: 'assets/a-12345678.js',
    ContentType: 'text/javascript; charset=utf-8',
  })
  expect(
    puts
      .map((put) => put.Key)
      .slice(1)
      .sort(),
  ).toEqual(['index.html', 'portal.html'])
})

test('npm run deploy says what is wrong with its options, and fails', () => {
  const deploy = (...options: string[]) =>
    spawnSync('npm', ['run', '--silent', 'deploy', '--', ...options], { encoding: 'utf8' })

  expect(deploy('--bogus')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("Unknown option '--bogus'"),
  })
  expect(deploy('--stage', 'prod')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('prod needs a public host name'),
  })
  expect(deploy('--help')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('--sign-up-allow-list'),
  })
})
