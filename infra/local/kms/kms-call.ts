import type * as z from 'zod'
import type { AwsCall } from '../engine.ts'
import { parseInput } from '../json-service.ts'
import { invalid, type Keyring } from './keyring.ts'

export type Input = AwsCall['input']
export type KmsOperation = (keys: Keyring, input: Input) => object

export function parse<T extends z.ZodType>(schema: T, input: Input): z.output<T> {
  return parseInput(schema, input, (member) => {
    const name = member.charAt(0).toLowerCase() + member.slice(1)
    return invalid(
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    )
  })
}
