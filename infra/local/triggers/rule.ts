/** Rules, schedules and targets as CloudFormation spells them, with every intrinsic resolved. */
export interface RuleTarget {
  Id?: string
  Arn: string
  Input?: string
  InputPath?: string
  InputTransformer?: { InputPathsMap?: Record<string, string>; InputTemplate: string }
  SqsParameters?: { MessageGroupId: string }
  DeadLetterConfig?: { Arn?: string }
  RetryPolicy?: { MaximumRetryAttempts?: number; MaximumEventAgeInSeconds?: number }
  [unsupported: string]: unknown
}

/** `AWS::Events::Rule`; it has a pattern, a schedule or both. */
export interface EventRule {
  Name: string
  State?: string
  EventPattern?: Record<string, unknown>
  ScheduleExpression?: string
  Targets?: RuleTarget[]
}

/** `AWS::Scheduler::Schedule` */
export interface SchedulerSchedule {
  Name: string
  State?: string
  ScheduleExpression: string
  ScheduleExpressionTimezone?: string
  FlexibleTimeWindow?: { Mode: string }
  Target: RuleTarget
}

/** An event as rules see it and targets receive it. */
export interface BusEvent {
  version: '0'
  id: string
  'detail-type': string
  source: string
  account: string
  time: string
  region: string
  resources: string[]
  detail: object
}
