/**
 * The default event bus: rules with patterns, targets with retries and dead letters.
 *
 * Rules: an event goes to every target of every enabled rule whose pattern matches it; the unknown
 * (pattern operators, target kinds) is an error when the template is loaded; duplicates, losses and
 * delays on demand. Known gaps: one bus; no archives, no PutEvents call of functions. Nothing on
 * disk: `put` resolves only when every target has the event, and whoever holds the event repeats it
 * after a crash.
 */
import { LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import { type DeliveryFaults, noFaults, takeFault } from './delivery-faults.ts'
import { compilePattern } from './event-pattern.ts'
import { createPauses } from './pauses.ts'
import type { BusEvent, EventRule, RuleTarget } from './rule.ts'
import {
  checkTarget,
  createTargetSender,
  type DeliverySource,
  type TargetSenderOptions,
} from './target-sender.ts'

export interface EventBusOptions extends TargetSenderOptions {
  /** Those without a pattern are left to the schedules. */
  rules: EventRule[]
}

export interface EventBus {
  /** Resolves when every target, or its dead-letter queue, has the event. */
  put(event: BusEvent): Promise<void>
  /** One delivery is an event for one target. */
  faults: DeliveryFaults
  clockMoved(): void
  close(): void
}

export const ruleArn = (name: string): string =>
  `arn:aws:events:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:rule/${name}`

export function createEventBus({ rules, ...ports }: EventBusOptions): EventBus {
  const sender = createTargetSender(ports)
  const pauses = createPauses(ports.clock)
  const faults = noFaults()
  let closed = false
  const compiled = rules.flatMap((properties) => {
    const { Name, State = 'ENABLED', EventPattern, Targets = [] } = properties
    if (!EventPattern) return []
    for (const target of Targets) checkTarget(Name, target)
    const matches = compilePattern(EventPattern)
    const rule = { name: Name, arn: ruleArn(Name), matches, targets: Targets }
    return State.startsWith('ENABLED') ? [rule] : []
  })

  const deliver = async (target: RuleTarget, source: DeliverySource, event: BusEvent) => {
    const fault = takeFault(faults)
    if (faults.delayMs > 0) await pauses.pause(faults.delayMs)
    if (closed) throw new Error('The local cloud is closing')
    if (fault === 'drop') return
    await sender.deliver(target, source, event)
    if (fault === 'duplicate') await sender.deliver(target, source, event)
  }

  return {
    faults,
    put: async (event) => {
      const nowMs = ports.clock.now()
      const deliveries = compiled
        .filter(({ matches }) => matches(event))
        .flatMap(({ name, arn, targets }) =>
          targets.map((target) => deliver(target, { sourceArn: arn, name, nowMs }, event)),
        )
      await Promise.all(deliveries)
    },
    clockMoved: () => {
      pauses.clockMoved()
      sender.clockMoved()
    },
    close: () => {
      closed = true
      pauses.close()
      sender.close()
    },
  }
}
