/** Reads the stage and creates its stacks. Which stack holds what: README, "Map of folders". */
import { join } from 'node:path'
import { App, DefaultStackSynthesizer, type StackProps, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { DataStack } from './data-stack.ts'
import { EdgeStack } from './edge-stack.ts'
import { ServiceStack } from './service-stack.ts'
import { SiteStack } from './site-stack.ts'
import { readStage } from './stages.ts'

interface Stacks {
  data: DataStack
  service: ServiceStack
  site: SiteStack
  edge: EdgeStack | undefined
}

/** `functionsDir` holds one folder per function with its bundle, as `infra/build.ts` leaves them. */
export function addStacks(app: App, { functionsDir }: { functionsDir: string }): Stacks {
  const stage = readStage((key) => app.node.tryGetContext(key))
  const home = stage.domainName === undefined ? {} : { env: deployEnvironment() }
  const props = (name: string): StackProps & { stage: typeof stage } => ({
    ...home,
    stage,
    stackName: `portage-${stage.name}-${name}`,
    terminationProtection: stage.keepsData && name === 'data',
    // `cdk deploy` checks the bootstrap version itself; a rule in every template adds nothing.
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
  })

  const data = new DataStack(app, 'data', props('data'))
  const service = new ServiceStack(app, 'service', { ...props('service'), data, functionsDir })
  const edge =
    stage.domainName === undefined
      ? undefined
      : new EdgeStack(app, 'edge', {
          ...props('edge'),
          // CloudFront takes certificates and web ACLs from us-east-1 only.
          env: { ...deployEnvironment(), region: 'us-east-1' },
          domainName: stage.domainName,
        })
  const site = new SiteStack(app, 'site', { ...props('site'), data, service, edge })
  return { data, service, site, edge }
}

/** The CDK command line sets both variables from the operator's credentials; a bare synth has neither. */
function deployEnvironment(): { account?: string; region: string } {
  const account = process.env['CDK_DEFAULT_ACCOUNT']
  return {
    ...(account === undefined ? {} : { account }),
    region: process.env['CDK_DEFAULT_REGION'] ?? 'us-east-1',
  }
}

if (import.meta.main) {
  const app = new App({ analyticsReporting: false })
  const builtDir = join(import.meta.dirname, '..', 'dist', 'functions')
  addStacks(app, { functionsDir: app.node.tryGetContext('functionsDir') ?? builtDir })
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  app.synth()
}
