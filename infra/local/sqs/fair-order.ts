/** A tenant with messages that can be received now; oldest first. */
export interface ReadyGroup {
  seqs: number[]
  /** Messages of this tenant that consumers hold at this moment. */
  inFlight: number
}

/**
 * Chooses up to `count` messages, each from the tenant that holds the fewest consumers, the older
 * message first where two hold as many. SQS prefers quiet tenants only once a noisy one is found
 * (over 10 % of what is in flight and at least 30, or over 10 % of processing time); here the first
 * message counts, so that few messages show the behaviour that many show there.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
 */
export function pickFairly(groups: ReadyGroup[], count: number): number[] {
  const tenants = groups.map((group) => ({ load: group.inFlight, seqs: [...group.seqs] }))
  const picked: number[] = []
  while (picked.length < count) {
    let best: (typeof tenants)[number] | undefined
    for (const tenant of tenants) {
      const head = tenant.seqs[0]
      if (head === undefined) continue
      const bestHead = best?.seqs[0]
      if (
        best === undefined ||
        bestHead === undefined ||
        tenant.load < best.load ||
        (tenant.load === best.load && head < bestHead)
      ) {
        best = tenant
      }
    }
    const seq = best?.seqs.shift()
    if (best === undefined || seq === undefined) break
    best.load += 1
    picked.push(seq)
  }
  return picked
}
