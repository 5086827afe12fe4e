/**
 * The default event bus: rules with patterns, targets with retries and dead letters.
 *
 * Rules: an event goes to every target of every enabled rule whose pattern matches it; the unknown
 * (pattern operators, target kinds, input transformers) is an error when the template is loaded.
 * Known gaps: one bus; no archives, no PutEvents call of functions; at most one delivery for each
 * `put`, so that duplicates are asked for at the source. Nothing on disk: `put` resolves only when
 * every target has the event, and whoever holds the event repeats it after a crash.
 */
import { LOCAL_ACCOUNT_ID, LOCAL_REGION } from '../engine.ts'
import { compilePattern } from './event-pattern.ts'
import type { BusEvent, EventRule, RuleTarget } from './rule.ts'
import { checkTarget, createTargetSender, type TargetSenderOptions } from './target-sender.ts'

export interface EventBusOptions extends TargetSenderOptions {
  /** Those without a pattern are left to the schedules. */
  rules: EventRule[]
}

export interface EventBus {
  /** Resolves when every target, or its dead-letter queue, has the event. */
  put(event: BusEvent): Promise<void>
  clockMoved(): void
  close(): void
}

export const ruleArn = (name: string): string =>
  `arn:aws:events:${LOCAL_REGION}:${LOCAL_ACCOUNT_ID}:rule/${name}`

export function createEventBus({ rules, ...ports }: EventBusOptions): EventBus {
  const sender = createTargetSender(ports)
  const compiled = rules.flatMap((rule) => {
    const { Name, State = 'ENABLED', EventPattern, Targets = [] } = rule
    if (!EventPattern) return []
    for (const target of Targets) checkTarget(Name, target)
    const matches = compilePattern(EventPattern)
    return State.startsWith('ENABLED') ? [{ arn: ruleArn(Name), matches, targets: Targets }] : []
  })

  return {
    put: async (event) => {
      const deliveries: Promise<unknown>[] = []
      for (const { arn, matches, targets } of compiled) {
        if (!matches(event)) continue
        deliveries.push(...targets.map((target: RuleTarget) => sender.deliver(target, arn, event)))
      }
      await Promise.all(deliveries)
    },
    clockMoved: () => sender.clockMoved(),
    close: () => sender.close(),
  }
}
