/** House defaults of every Lambda: own role that can write its own log and nothing else, Node 24 on arm64. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import * as logs from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { ENV, type EnvName } from '../../shared/platform/env-names.ts'
import type { Stage } from '../stages.ts'
import { FUNCTIONS, type FunctionName } from './function-list.ts'

interface ServiceFunctionProps {
  stage: Stage
  name: FunctionName
  functionsDir: string
  /** Lambda stops a message after 16 hops between functions and queues unless the function allows loops. */
  continuesItself?: boolean
}

export class ServiceFunction extends Construct {
  readonly name: FunctionName
  readonly lambda: lambda.Function
  readonly timeoutSeconds: number
  private readonly role: iam.Role

  constructor(scope: Construct, props: ServiceFunctionProps) {
    super(scope, props.name)
    const spec = FUNCTIONS[props.name]
    this.name = props.name
    this.timeoutSeconds = spec.timeoutSeconds
    const functionName = `portage-${props.stage.name}-${props.name}`
    const logGroup = new logs.LogGroup(this, 'Log', {
      logGroupName: `/aws/lambda/${functionName}`,
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.role = new iam.Role(this, 'Role', {
      description: `What ${functionName} may do`,
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    })
    this.allow({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    })
    this.lambda = new lambda.Function(this, 'Function', {
      functionName,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: 'index.handler',
      code: lambda.Code.fromAsset(bundleDir(props.functionsDir, props.name), {
        exclude: ['*.map'],
      }),
      memorySize: spec.memoryMb,
      timeout: Duration.seconds(spec.timeoutSeconds),
      role: this.role,
      logGroup,
      ...(props.continuesItself ? { recursiveLoop: lambda.RecursiveLoop.ALLOW } : {}),
    })
    this.setEnv(ENV.stage, props.stage.name)
  }

  /** Adds one variable; the names are those that the functions can read. */
  setEnv(name: EnvName, value: string): void {
    this.lambda.addEnvironment(name, value)
  }

  /** For constructs that own what is allowed; stacks call their intent methods. */
  allow(statement: iam.PolicyStatementProps): void {
    this.role.addToPolicy(new iam.PolicyStatement(statement))
  }
}

function bundleDir(functionsDir: string, name: FunctionName): string {
  const dir = join(functionsDir, name)
  if (existsSync(join(dir, 'index.js'))) return dir
  throw new Error(`${join(dir, 'index.js')} is missing: run "node infra/build.ts" first`)
}
