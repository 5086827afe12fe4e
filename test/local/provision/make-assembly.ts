import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createKmsEngine } from '../../../infra/local/kms/kms-engine.ts'
import type { CloudEngines } from '../../../infra/local/provision/cloud-engines.ts'
import { provision, resolveAssembly } from '../../../infra/local/provision/provision.ts'
import type { Provisioning } from '../../../infra/local/provision/provisioning.ts'
import { createS3Engine } from '../../../infra/local/s3/s3-engine.ts'
import { createParametersEngine } from '../../../infra/local/secrets/parameters-engine.ts'
import { createSecretsEngine } from '../../../infra/local/secrets/secrets-engine.ts'
import { createSqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'
import type { Assembly } from '../../../infra/local/template/assembly.ts'
import type { JsonObject } from '../../../infra/local/template/json.ts'
import type { ResolvedStacks } from '../../../infra/local/template/resolve-stacks.ts'

export const WHERE = { awsHost: '127.0.0.1:4401', edgeHost: '127.0.0.1:4400' }

/** An assembly of one stack `app`; every code asset is this folder. */
export function makeAssembly(resources: JsonObject): Assembly {
  return {
    stacks: [{ name: 'app', region: undefined, template: { Resources: resources } }],
    assets: new Map([['code.zip', import.meta.dirname]]),
  }
}

export function resolveResources(resources: JsonObject): ResolvedStacks {
  return resolveAssembly(makeAssembly(resources), WHERE)
}

/** Everything but the database, which needs a process of its own. */
export function makeEngines(): CloudEngines {
  const dataDir = mkdtempSync(join(tmpdir(), 'provision-'))
  const clock = new LocalClock()
  const kms = createKmsEngine({ dataDir, clock })
  const engines = {
    s3: createS3Engine({ dataDir, clock }),
    sqs: createSqsEngine({ dataDir, clock, baseUrl: () => `http://${WHERE.awsHost}` }),
    kms,
    secrets: createSecretsEngine({ dataDir, clock }),
    parameters: createParametersEngine({ dataDir, clock, kms }),
  }
  return engines as unknown as CloudEngines
}

export function provisionResources(
  resources: JsonObject,
  engines: CloudEngines,
): Promise<Provisioning> {
  const assembly = makeAssembly(resources)
  return provision(assembly, resolveAssembly(assembly, WHERE), engines)
}

export const allow = (
  Action: string | string[],
  Resource: unknown,
  more: object = {},
): JsonObject => ({ Effect: 'Allow', Action, Resource, ...more }) as JsonObject

/** A function `Worker` with a role that may do what the statements say. */
export function workerResources(statements: JsonObject[] = []): JsonObject {
  return {
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: { RoleName: 'worker-role', AssumeRolePolicyDocument: {} },
    },
    ...(statements.length === 0
      ? {}
      : {
          RolePolicy: {
            Type: 'AWS::IAM::Policy',
            Properties: {
              PolicyName: 'p',
              Roles: [{ Ref: 'Role' }],
              PolicyDocument: { Version: '2012-10-17', Statement: statements },
            },
          },
        }),
    Worker: {
      Type: 'AWS::Lambda::Function',
      Properties: {
        FunctionName: 'worker',
        Handler: 'index.handler',
        Runtime: 'nodejs24.x',
        Code: { S3Bucket: 'assets', S3Key: 'code.zip' },
        Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
        Environment: { Variables: { COUNT: 3 } },
        Timeout: 30,
      },
    },
  }
}
