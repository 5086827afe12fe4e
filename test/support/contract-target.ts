/**
 * Where a contract suite runs: on our engine behind the gateway, or where
 * PORTAGE_CONTRACT_ENDPOINT_<SERVICE> points. Its value is a URL, or `aws` for the service itself;
 * credentials and region are then the ambient ones (AWS_ACCESS_KEY_ID, AWS_REGION, a profile …).
 */
import { randomBytes } from 'node:crypto'
import { describe, it } from 'vitest'
import { LOCAL_REGION } from '../../infra/local/engine.ts'

export type ContractService = 'S3' | 'SQS' | 'KMS' | 'SECRETSMANAGER' | 'SSM' | 'DYNAMODB'

/** What an SDK client needs for the other endpoint; without an endpoint it is the service itself. */
export interface ContractTarget {
  region: string
  endpoint?: string
}

/** The endpoint that the environment names, or undefined: then our engine is to be started. */
export function contractTarget(service: ContractService): ContractTarget | undefined {
  const named = process.env[`PORTAGE_CONTRACT_ENDPOINT_${service}`]
  if (!named) return undefined
  const region = process.env['AWS_REGION'] ?? LOCAL_REGION
  return named === 'aws' ? { region } : { region, endpoint: named }
}

/** A name for a bucket, queue, table or key that no other run uses. */
export function freshName(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`
}

const SKIPPED = 'skipped: needs hands inside our engine'

/** `describe` and `it` for stories that move the clock, kill or break: skipped at another endpoint. */
export function insideEngine(service: ContractService) {
  const elsewhere = contractTarget(service) !== undefined
  return {
    describe(name: string, body: () => void): void {
      if (elsewhere) describe.skip(`${name} (${SKIPPED})`, body)
      else describe(name, body)
    },
    it(name: string, body: () => void | Promise<void>, timeoutMs?: number): void {
      if (elsewhere) it.skip(`${name} (${SKIPPED})`, body)
      else it(name, body, timeoutMs)
    },
  }
}
