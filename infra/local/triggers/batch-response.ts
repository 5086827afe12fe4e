/**
 * A function's answer to a batch when the mapping reports item failures.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */

/**
 * The identifiers that the function calls failed, none for an empty or missing list; undefined for
 * an answer that breaks the format or names what was not sent, which fails the whole batch.
 */
export function failedItems(payload: string, sent: ReadonlySet<string>): string[] | undefined {
  const answer = parse(payload)
  if (answer === null) return []
  if (typeof answer !== 'object') return undefined
  const failures: unknown = 'batchItemFailures' in answer ? answer.batchItemFailures : null
  if (failures === null) return []
  if (!Array.isArray(failures)) return undefined
  const ids = failures.map((failure: unknown) =>
    typeof failure === 'object' && failure !== null && 'itemIdentifier' in failure
      ? failure.itemIdentifier
      : undefined,
  )
  return ids.every((id): id is string => typeof id === 'string' && sent.has(id)) ? ids : undefined
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload)
  } catch {
    // "Invalid JSON" is one of the answers that fail the whole batch.
    return undefined
  }
}
