import * as z from 'zod'
import type { PolicyDocument } from './policy-document.ts'

const texts = z.union([z.string(), z.array(z.string()).min(1)])
const statement = z
  .strictObject({
    Sid: z.string(),
    Effect: z.enum(['Allow', 'Deny']),
    Principal: z.union([z.literal('*'), z.record(z.string(), texts)]),
    Action: texts,
    NotAction: texts,
    Resource: texts,
    NotResource: texts,
    Condition: z.record(z.string(), z.record(z.string(), z.unknown())),
  })
  .partial()
  .required({ Effect: true, Principal: true })
  .refine((it) => (it.Action === undefined) !== (it.NotAction === undefined))
const document = z.strictObject({
  Version: z.enum(['2008-10-17', '2012-10-17']).optional(),
  Id: z.string().optional(),
  Statement: z.union([statement, z.array(statement).min(1)]),
})

/**
 * The policy of a resource as a call gives it, or undefined where it is not one; the service names
 * the refusal. What its conditions mean is the gateway's business.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function readResourcePolicy(text: string): PolicyDocument | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // Recovery: what is not JSON is not a policy either.
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
  return document.safeParse(value).success ? (value as PolicyDocument) : undefined
}
