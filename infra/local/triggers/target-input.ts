/**
 * What a target gets instead of the event: `Input`, `InputPath` or `InputTransformer`.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 *
 * Known gaps: paths of members and list places only (`$.detail.list[0].name`), anything else is an
 * error when the template is loaded; a variable that the event lacks leaves nothing in the output,
 * and an output that is no JSON then cannot be delivered.
 */
import { randomUUID } from 'node:crypto'
import { AwsError } from '../engine.ts'
import type { RuleTarget } from './rule.ts'
import type { DeliverySource } from './target-sender.ts'

const PATH = /^\$(\.[\w-]+|\[\d+\]|\['[^']+'\])*$/
const VARIABLE = /<([\w.-]+)>/g

/** Throws for what would be ignored silently. */
export function checkTargetInput(owner: string, target: RuleTarget): void {
  const { Input, InputPath, InputTransformer } = target
  const given = [Input, InputPath, InputTransformer].filter((member) => member !== undefined)
  if (given.length > 1) throw new Error(`A target of ${owner} has more than one input`)
  const paths = InputTransformer?.InputPathsMap ?? {}
  for (const path of [InputPath ?? '$', ...Object.values(paths)]) {
    if (!PATH.test(path)) throw new Error(`Path ${path} of a target of ${owner} is not supported`)
  }
  for (const [, name = ''] of InputTransformer?.InputTemplate.matchAll(VARIABLE) ?? []) {
    if (!(name in paths) && !(name in RULE_VARIABLES)) {
      throw new Error(`Variable <${name}> of a target of ${owner} is not defined`)
    }
  }
  for (const [attribute] of Input?.matchAll(/<aws\.scheduler\.[\w-]+>/g) ?? []) {
    if (!(attribute in SCHEDULER_ATTRIBUTES)) {
      throw new Error(`Context attribute ${attribute} of ${owner} is not supported`)
    }
  }
}

export function targetInput(target: RuleTarget, event: object, source: DeliverySource): unknown {
  const { Input, InputPath, InputTransformer } = target
  if (InputTransformer) return transformed(InputTransformer, event, source)
  if (InputPath !== undefined) return valueAt(event, InputPath)
  return Input === undefined ? event : parse(withContext(Input, source))
}

/** https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html */
const SCHEDULER_ATTRIBUTES: Record<string, (source: DeliverySource) => string> = {
  '<aws.scheduler.schedule-arn>': ({ sourceArn }) => sourceArn,
  '<aws.scheduler.scheduled-time>': ({ nowMs }) => isoSeconds(nowMs),
  '<aws.scheduler.execution-id>': () => randomUUID(),
  '<aws.scheduler.attempt-number>': () => '1',
}

function withContext(input: string, source: DeliverySource): string {
  if (!source.sourceArn.startsWith('arn:aws:scheduler:')) return input
  return input.replaceAll(
    /<aws\.scheduler\.[\w-]+>/g,
    (attribute) => SCHEDULER_ATTRIBUTES[attribute]?.(source) ?? attribute,
  )
}

/** "Predefined variables" of a rule. */
const RULE_VARIABLES: Record<string, (source: DeliverySource, event: object) => unknown> = {
  'aws.events.rule-arn': ({ sourceArn }) => sourceArn,
  'aws.events.rule-name': ({ name }) => name,
  'aws.events.event.ingestion-time': ({ nowMs }) => new Date(nowMs).toISOString(),
  'aws.events.event': (_source, event) => withoutDetail(event),
  'aws.events.event.json': (_source, event) => event,
}

/** "The original event payload as JSON (without the detail field)". */
function withoutDetail(event: object): object {
  return Object.fromEntries(Object.entries(event).filter(([name]) => name !== 'detail'))
}

/** A variable within quotes becomes text, elsewhere JSON. */
function transformed(
  { InputPathsMap = {}, InputTemplate }: NonNullable<RuleTarget['InputTransformer']>,
  event: object,
  source: DeliverySource,
): unknown {
  const variableOf = (name: string): unknown => {
    const path = InputPathsMap[name]
    return path === undefined ? RULE_VARIABLES[name]?.(source, event) : valueAt(event, path)
  }
  const output = InputTemplate.replaceAll(
    /"(?:[^"\\]|\\.)*"|<([\w.-]+)>/g,
    (part, variable: string | undefined) => {
      if (variable !== undefined) return JSON.stringify(variableOf(variable)) ?? ''
      return part.replaceAll(VARIABLE, (_all, name: string) => escaped(variableOf(name)))
    },
  )
  return parse(output)
}

/** As it stands between the quotes of a JSON text. */
function escaped(value: unknown): string {
  if (value === undefined) return ''
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return JSON.stringify(text).slice(1, -1)
}

function valueAt(event: object, path: string): unknown {
  let value: unknown = event
  for (const [, member, place, quoted] of path.matchAll(/\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]/g)) {
    const key = member ?? quoted ?? Number(place)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  }
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AwsError('ValidationException', `The input is no JSON: ${String(cause)}`)
  }
}

const isoSeconds = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 19)}Z`
