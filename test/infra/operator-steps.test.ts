import { expect, test } from 'vitest'
import { operatorSteps } from '../../infra/operator-steps.ts'
import { PROVIDERS } from '../../shared/providers/providers.ts'

const site = {
  SiteOrigin: 'https://d1.cloudfront.net',
  DistributionDomainName: 'd1.cloudfront.net',
}

test.each(Object.values(PROVIDERS))(
  'the operator is told what $signInName must know of the stage',
  ({ client, oauthId }) => {
    const steps = operatorSteps('trial', site, undefined)

    expect(steps).toContain(`. Give ${client} these redirect URIs:`)
    expect(steps).toContain(`     https://d1.cloudfront.net/api/auth/callback/${oauthId}\n`)
    expect(steps).toContain(`     https://d1.cloudfront.net/api/oauth/${oauthId}/callback\n`)
  },
)

test('what the operator is told to store is the secret that functions read', () => {
  const steps = operatorSteps('trial', site, undefined)
  const stored = JSON.parse(/--secret-string '(.*)'/.exec(steps)?.[1] ?? '')

  expect(steps).toContain('--secret-id portage/trial/oauth-clients ')
  expect(Object.keys(stored)).toEqual(Object.values(PROVIDERS).map(({ oauthId }) => oauthId))
  expect(stored.google).toEqual({ clientId: '…', clientSecret: '…' })
})

test('a host name is to be pointed to the distribution, as the last of the numbered steps', () => {
  const steps = operatorSteps('prod', site, 'files.example.com').split('\n')

  const last = Object.keys(PROVIDERS).length + 2
  expect(steps.at(-1)).toBe(
    `${last}. Point files.example.com (CNAME or alias) to d1.cloudfront.net`,
  )
})
