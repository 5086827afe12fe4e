/** The one public origin: CloudFront in front of the pages and the API. */
import {
  CfnOutput,
  Duration,
  ReferenceStrength,
  RemovalPolicy,
  SecretValue,
  Stack,
  type StackProps,
  Validations,
} from 'aws-cdk-lib'
import * as acm from 'aws-cdk-lib/aws-certificatemanager'
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront'
import * as origins from 'aws-cdk-lib/aws-cloudfront-origins'
import * as s3 from 'aws-cdk-lib/aws-s3'
import * as ssm from 'aws-cdk-lib/aws-ssm'
import type { Construct } from 'constructs'
import { ORIGIN_VERIFY_HEADER } from '../shared/platform/env-names.ts'
import { originParameterName } from './constructs/origin-parameter.ts'
import { PageHeaders } from './constructs/page-headers.ts'
import { PAGE_PATHS_CODE } from './constructs/page-paths.ts'
import { secretName } from './constructs/purpose-secret.ts'
import type { DataStack } from './data-stack.ts'
import type { EdgeStack } from './edge-stack.ts'
import type { ServiceStack } from './service-stack.ts'
import type { Stage } from './stages.ts'

interface SiteStackProps extends StackProps {
  stage: Stage
  data: DataStack
  service: ServiceStack
  edge: EdgeStack | undefined
}

export class SiteStack extends Stack {
  constructor(scope: Construct, id: string, props: SiteStackProps) {
    super(scope, id, props)
    const { stage, data, service, edge } = props
    // The header's secret is named, not referenced, so the order must be said.
    this.addStackDependency(data)

    const siteBucket = new s3.Bucket(this, 'SiteBucket', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      // Every deployment uploads the pages again.
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const pages = origins.S3BucketOrigin.withOriginAccessControl(siteBucket)
    const api = new origins.HttpOrigin(
      `${service.api.apiId}.execute-api.${this.region}.${this.urlSuffix}`,
      {
        protocolPolicy: cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
        customHeaders: {
          // CloudFormation reads the secret again only when the reference itself has changed:
          // https://repost.aws/knowledge-center/cloudformation-stack-update-secrets
          [ORIGIN_VERIFY_HEADER]: SecretValue.secretsManager(secretName(stage, 'origin-verify'), {
            jsonField: 'current',
            ...(stage.originSecretVersion && { versionId: stage.originSecretVersion }),
          }).unsafeUnwrap(),
        },
      },
    )
    const headers = new PageHeaders(this, 'Headers', {
      stage,
      stagingHost: data.staging.bucket.bucketRegionalDomainName,
    })
    const pagePaths: cloudfront.FunctionAssociation = {
      function: new cloudfront.Function(this, 'PagePaths', {
        functionName: `portage-${stage.name}-page-paths`,
        code: cloudfront.FunctionCode.fromInline(PAGE_PATHS_CODE),
        runtime: cloudfront.FunctionRuntime.JS_2_0,
      }),
      eventType: cloudfront.FunctionEventType.VIEWER_REQUEST,
    }
    const page = {
      origin: pages,
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
      cachePolicy: cloudfront.CachePolicy.CACHING_OPTIMIZED,
    }
    const distribution = new cloudfront.Distribution(this, 'Distribution', {
      comment: `Portage ${stage.name}`,
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      ...(stage.domainName === undefined || edge === undefined
        ? {}
        : {
            domainNames: [stage.domainName],
            certificate: acm.Certificate.fromCertificateArn(
              this,
              'Certificate',
              Stack.consumeReference(edge.certificate.certificateArn, ReferenceStrength.WEAK),
            ),
            minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            webAclId: Stack.consumeReference(edge.webAcl.attrArn, ReferenceStrength.WEAK),
          }),
      defaultBehavior: {
        ...page,
        functionAssociations: [pagePaths],
        responseHeadersPolicy: headers.dashboard,
      },
      additionalBehaviors: {
        '/api/*': {
          origin: api,
          // A redirected POST would have sent its body in the clear already.
          viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
          allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
          cachePolicy: this.nothingCached(stage),
          originRequestPolicy: this.viewerHeaders(stage),
          responseHeadersPolicy: headers.api,
        },
        '/assets/*': { ...page, responseHeadersPolicy: headers.assets },
        '/p/*': {
          ...page,
          functionAssociations: [pagePaths],
          responseHeadersPolicy: headers.portal,
        },
      },
    })
    const origin = `https://${stage.domainName ?? distribution.distributionDomainName}`
    new ssm.StringParameter(this, 'Origin', {
      parameterName: originParameterName(stage),
      description: 'Public origin of Portage: cookies, links and redirect URIs come from it',
      stringValue: origin,
    })
    new CfnOutput(this, 'SiteBucketName', { value: siteBucket.bucketName })
    new CfnOutput(this, 'SiteOrigin', { value: origin })
    new CfnOutput(this, 'DistributionDomainName', { value: distribution.distributionDomainName })

    Validations.of(siteBucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'The bucket holds the public pages; only CloudFront reads it.',
    })
    Validations.of(distribution).acknowledge(
      {
        id: 'AwsSolutions-CFR1',
        reason: 'Clients may be anywhere: no country is refused.',
      },
      {
        id: 'AwsSolutions-CFR3',
        reason:
          'CloudFront access logs hold query strings, in which OAuth codes travel; the API keeps an access log without them.',
      },
    )
    if (stage.domainName === undefined) {
      Validations.of(distribution).acknowledge(
        {
          id: 'AwsSolutions-CFR2',
          reason: 'A web ACL costs more than the rest of a trial; with a host name there is one.',
        },
        {
          id: 'AwsSolutions-CFR4',
          reason: "CloudFront's own certificate fixes the TLS version; prod needs a domain name.",
        },
      )
    }
  }

  /**
   * The API says `no-store` and nothing is kept. The cache key still names the viewer's address: it
   * is the documented way to a CloudFront header beside "all viewer headers except Host", and with
   * cookies and Authorization in the key no two viewers can share a request in flight.
   * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/controlling-origin-requests.html
   */
  private nothingCached(stage: Stage): cloudfront.CachePolicy {
    return new cloudfront.CachePolicy(this, 'NothingCached', {
      cachePolicyName: `portage-${stage.name}-api`,
      minTtl: Duration.seconds(0),
      defaultTtl: Duration.seconds(0),
      // With 0 CloudFront accepts no headers in the key.
      maxTtl: Duration.seconds(1),
      headerBehavior: cloudfront.CacheHeaderBehavior.allowList(
        'Authorization',
        'CloudFront-Viewer-Address',
      ),
      cookieBehavior: cloudfront.CacheCookieBehavior.all(),
      queryStringBehavior: cloudfront.CacheQueryStringBehavior.all(),
    })
  }

  /** API Gateway finds the API by Host, so the viewer's must not arrive there. */
  private viewerHeaders(stage: Stage): cloudfront.OriginRequestPolicy {
    return new cloudfront.OriginRequestPolicy(this, 'ViewerHeaders', {
      originRequestPolicyName: `portage-${stage.name}-api`,
      headerBehavior: cloudfront.OriginRequestHeaderBehavior.denyList('Host'),
      cookieBehavior: cloudfront.OriginRequestCookieBehavior.all(),
      queryStringBehavior: cloudfront.OriginRequestQueryStringBehavior.all(),
    })
  }
}
