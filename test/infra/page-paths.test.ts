import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { PAGE_PATHS_CODE } from '../../infra/constructs/page-paths.ts'

function served(uri: string): string {
  const result = runInNewContext(`${PAGE_PATHS_CODE}; handler(event)`, {
    event: { request: { uri } },
  }) as { uri: string }
  return result.uri
}

describe('page paths', () => {
  test.each(['/p/spring-campaign', '/p/with.dot', '/p/a/b', '/p/'])('%s is a portal', (uri) => {
    expect(served(uri)).toBe('/portal.html')
  })

  test.each(['/', '/portals', '/files/upl_1', '/v1.2/files', '/p', '/pages'])(
    '%s is the dashboard',
    (uri) => {
      expect(served(uri)).toBe('/index.html')
    },
  )

  test.each(['/favicon.ico', '/robots.txt', '/index.html'])('%s is a file', (uri) => {
    expect(served(uri)).toBe(uri)
  })
})
