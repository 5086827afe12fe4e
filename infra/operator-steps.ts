import { OAUTH_PROVIDER_IDS, PROVIDERS } from '../shared/providers/providers.ts'

/** What only the operator can do after the first deployment of a stage. */
export function operatorSteps(
  stage: string,
  site: { SiteOrigin: string; DistributionDomainName: string },
  domainName: string | undefined,
): string {
  const clients = OAUTH_PROVIDER_IDS.map((id) => `"${id}":{"clientId":"…","clientSecret":"…"}`)
  const steps = [
    ...Object.values(PROVIDERS).map(
      ({ client, oauthId }) => `Give ${client} these redirect URIs:
     ${site.SiteOrigin}/api/auth/callback/${oauthId}
     ${site.SiteOrigin}/api/oauth/${oauthId}/callback`,
    ),
    `Store the clients, or those of them that the stage shall offer:
     aws secretsmanager put-secret-value --secret-id portage/${stage}/oauth-clients \\
       --secret-string '{${clients.join(',')}}'`,
    ...(domainName === undefined
      ? []
      : [`Point ${domainName} (CNAME or alias) to ${site.DistributionDomainName}`]),
  ]
  return steps.map((step, index) => `${index + 1}. ${step}`).join('\n')
}
