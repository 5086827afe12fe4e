import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestCloud, type TestCloud } from '../support/local-cloud.ts'

const EMAIL = 'owner@example.com'

let test: TestCloud

beforeAll(async () => {
  test = await startTestCloud()
})
afterAll(() => test.close())

interface LoggedRequest {
  operation: string
  brokenRules?: string[]
}

describe('with Dropbox', () => {
  it('an owner signs in, connects storage and keeps every published rule', async () => {
    const http = test.browser()

    await http.signIn(EMAIL, { provider: 'dropbox' })
    const accountId = await http.connectStorage(EMAIL, { provider: 'dropbox' })

    const session = await http.call('GET', '/api/auth/session')
    expect(session).toMatchObject({ user: { email: EMAIL, name: 'Olivia Owner' } })
    expect(accountId).toMatch(/^acc_/)
    const reply = await fetch(`${test.cloud.urls.dropbox}/_emulator/requests`)
    const { requests } = (await reply.json()) as { requests: LoggedRequest[] }
    expect(requests.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining(['oauth.authorize', 'oauth.token.code']),
    )
    expect(requests.filter(({ brokenRules }) => brokenRules !== undefined)).toEqual([])
  })
})
