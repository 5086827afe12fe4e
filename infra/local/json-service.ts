/** What the engines that speak AWS's JSON protocols have in common. */
import type { ServerResponse } from 'node:http'
import type * as z from 'zod'
import { type AwsCall, AwsError } from './engine.ts'

/** How a service names a member that is missing; what is of a wrong JSON type is a SerializationException everywhere. */
type MissingMember = (member: string) => AwsError

/** Members of a call by its schema; a wrong one is refused by the names that the service uses. */
export function parseInput<T extends z.ZodType>(
  schema: T,
  input: Record<string, unknown> | undefined,
  missing: MissingMember,
): z.output<T> {
  const result = schema.safeParse(input ?? {})
  if (result.success) return result.data
  const path = result.error.issues[0]?.path ?? []
  let value: unknown = input ?? {}
  for (const part of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[part]
  if (value === undefined || value === null) throw missing(path.join('.'))
  throw new AwsError(
    'SerializationException',
    `The member ${path.join('.')} has a value of an unexpected type.`,
  )
}

export function unknownOperation(call: AwsCall): AwsError {
  return new AwsError(
    'UnknownOperationException',
    `The operation ${call.operation || '(none)'} of ${call.service} is not known.`,
  )
}

/** Writes the reply of a call that succeeded. */
export function writeJsonReply(
  call: AwsCall,
  response: ServerResponse,
  version: '1.0' | '1.1',
  output: object,
): void {
  const body = Buffer.from(JSON.stringify(output))
  response.writeHead(200, {
    'content-type': `application/x-amz-json-${version}`,
    'content-length': body.length,
    'x-amzn-requestid': call.requestId,
  })
  response.end(body)
}
