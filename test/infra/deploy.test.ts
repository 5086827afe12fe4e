import { expect, test } from 'vitest'
import { siteObject } from '../../infra/deploy.ts'

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
