/** Serves the small engines behind the gateway until it is killed, and says at which port. */
import { writeSync } from 'node:fs'
import { LocalClock } from '../../../infra/local/clock.ts'
import { createKmsEngine } from '../../../infra/local/kms/kms-engine.ts'
import { createParametersEngine } from '../../../infra/local/secrets/parameters-engine.ts'
import { createSecretsEngine } from '../../../infra/local/secrets/secrets-engine.ts'
import { createSqsEngine } from '../../../infra/local/sqs/sqs-engine.ts'
import { makePrincipal, startGateway } from '../gateway/harness.ts'

const [, , dataDir = ''] = process.argv
const clock = new LocalClock()
let origin = ''
const kms = createKmsEngine({ dataDir, clock })
const { endpoint } = await startGateway(
  {
    kms,
    sqs: createSqsEngine({ dataDir, clock, baseUrl: () => origin }),
    secretsmanager: createSecretsEngine({ dataDir, clock }),
    ssm: createParametersEngine({ dataDir, clock, kms }),
  },
  [makePrincipal()],
)
origin = endpoint
writeSync(1, `${endpoint}\n`)
