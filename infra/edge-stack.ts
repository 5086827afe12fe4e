/** What CloudFront takes from us-east-1 only: the certificate and the web ACL. Exists when a domain name is given. */
import { Stack, type StackProps } from 'aws-cdk-lib'
import * as acm from 'aws-cdk-lib/aws-certificatemanager'
import * as wafv2 from 'aws-cdk-lib/aws-wafv2'
import type { Construct } from 'constructs'
import type { Stage } from './stages.ts'

interface EdgeStackProps extends StackProps {
  stage: Stage
  domainName: string
}

/** Requests of one address in five minutes; a page that uploads 200 small files makes about 1,000. */
const RATE_LIMIT = 5_000

export class EdgeStack extends Stack {
  readonly certificate: acm.Certificate
  readonly webAcl: wafv2.CfnWebACL

  constructor(scope: Construct, id: string, props: EdgeStackProps) {
    super(scope, id, props)
    // CloudFormation waits here until the operator has added the validation record to the zone.
    this.certificate = new acm.Certificate(this, 'Certificate', {
      domainName: props.domainName,
      validation: acm.CertificateValidation.fromDns(),
    })
    const name = `portage-${props.stage.name}`
    this.webAcl = new wafv2.CfnWebACL(this, 'WebAcl', {
      name,
      scope: 'CLOUDFRONT',
      defaultAction: { allow: {} },
      visibilityConfig: visibility(name),
      rules: [
        {
          name: 'rate',
          priority: 0,
          action: { block: {} },
          statement: {
            rateBasedStatement: { aggregateKeyType: 'IP', limit: RATE_LIMIT },
          },
          visibilityConfig: visibility(`${name}-rate`),
        },
        managedRules(1, 'AWSManagedRulesAmazonIpReputationList', name),
        // The common rule set is left out: it refuses bodies above 8 KB, and form uploads have 4 MiB.
        managedRules(2, 'AWSManagedRulesKnownBadInputsRuleSet', name),
      ],
    })
  }
}

function managedRules(
  priority: number,
  ruleSet: string,
  name: string,
): wafv2.CfnWebACL.RuleProperty {
  return {
    name: ruleSet,
    priority,
    overrideAction: { none: {} },
    statement: { managedRuleGroupStatement: { vendorName: 'AWS', name: ruleSet } },
    visibilityConfig: visibility(`${name}-${ruleSet}`),
  }
}

function visibility(metricName: string): wafv2.CfnWebACL.VisibilityConfigProperty {
  // Sampled requests would keep URLs with OAuth codes in them.
  return { cloudWatchMetricsEnabled: true, sampledRequestsEnabled: false, metricName }
}
