/** Response headers of each kind of path. Scripts come from our own origin only, never inline. */
import { Duration } from 'aws-cdk-lib'
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront'
import { Construct } from 'constructs'
import type { Stage } from '../stages.ts'

interface PageHeadersProps {
  stage: Stage
  /** Host of the staging bucket, without scheme, so that the policy also holds on plain http on loopback. */
  stagingHost: string
}

const HSTS: cloudfront.ResponseHeadersStrictTransportSecurity = {
  accessControlMaxAge: Duration.days(365),
  includeSubdomains: true,
  override: true,
}

export class PageHeaders extends Construct {
  readonly dashboard: cloudfront.ResponseHeadersPolicy
  readonly portal: cloudfront.ResponseHeadersPolicy
  readonly assets: cloudfront.ResponseHeadersPolicy
  readonly api: cloudfront.ResponseHeadersPolicy

  constructor(scope: Construct, id: string, { stage, stagingHost }: PageHeadersProps) {
    super(scope, id)
    const policy = (
      name: string,
      headers: cloudfront.ResponseSecurityHeadersBehavior,
    ): cloudfront.ResponseHeadersPolicy =>
      new cloudfront.ResponseHeadersPolicy(this, name, {
        responseHeadersPolicyName: `portage-${stage.name}-${name}`,
        securityHeadersBehavior: {
          strictTransportSecurity: HSTS,
          contentTypeOptions: { override: true },
          referrerPolicy: {
            referrerPolicy: cloudfront.HeadersReferrerPolicy.NO_REFERRER,
            override: true,
          },
          ...headers,
        },
      })

    this.dashboard = policy('dashboard', {
      contentSecurityPolicy: {
        contentSecurityPolicy: contentSecurityPolicy({
          // Mantine writes its responsive rules into <style> elements at run time; CloudFront cannot
          // make a nonce per reply, so styles, and styles alone, may be inline here.
          'style-src': "'self' 'unsafe-inline'",
          'img-src': ["'self' data:", ...stage.pictureSources].join(' '),
          'connect-src': "'self'",
          'frame-ancestors': "'none'",
        }),
        override: true,
      },
      frameOptions: { frameOption: cloudfront.HeadersFrameOption.DENY, override: true },
    })
    this.portal = policy('portal', {
      contentSecurityPolicy: {
        contentSecurityPolicy: contentSecurityPolicy({
          'style-src': "'self'",
          'img-src': "'self' data:",
          'connect-src': `'self' ${stagingHost}`,
          // Owners embed their portals in their own sites.
          'frame-ancestors': '*',
        }),
        override: true,
      },
    })
    this.assets = policy('assets', {
      contentSecurityPolicy: {
        contentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
        override: true,
      },
    })
    // The API sets its own content security policy: downloads need a sandbox, JSON needs none.
    this.api = policy('api', {})
  }
}

/** Everything is refused but what both pages need and what `allowed` adds. */
function contentSecurityPolicy(allowed: Record<string, string>): string {
  const directives = {
    'default-src': "'none'",
    'script-src': "'self'",
    'worker-src': "'self'",
    'font-src': "'self'",
    'form-action': "'self'",
    'base-uri': "'none'",
    ...allowed,
  }
  return Object.entries(directives)
    .map(([directive, sources]) => `${directive} ${sources}`)
    .join('; ')
}
