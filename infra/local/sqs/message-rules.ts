/** What SQS asks of a message before it takes it; refused by the names that SQS uses. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { AwsError } from '../engine.ts'
import { type MessageAttributes, valueBytes } from './message-digest.ts'
import { MAXIMUM_MESSAGE_BYTES, type QueueSettings } from './queue-settings.ts'

const attributesSchema = z.record(
  z.string(),
  z.object({
    DataType: z.string(),
    StringValue: z.string().optional(),
    BinaryValue: z.string().optional(),
  }),
)

/** Members that SendMessage and an entry of SendMessageBatch share. */
export const sendMembers = {
  MessageBody: z.string(),
  DelaySeconds: z.number().nullish(),
  MessageAttributes: attributesSchema.nullish(),
  MessageSystemAttributes: attributesSchema.nullish(),
  MessageDeduplicationId: z.string().nullish(),
  MessageGroupId: z.string().nullish(),
}
const sendSchema = z.object(sendMembers)
export type SendInput = z.output<typeof sendSchema>

/** A message that SQS accepts, with the queue's defaults applied. */
export interface AcceptedMessage {
  body: string
  attributes: MessageAttributes
  systemAttributes: MessageAttributes
  /** Empty when the message has no group. */
  groupId: string
  deduplicationId: string | undefined
  delaySeconds: number
  bytes: number
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export function acceptMessage(settings: QueueSettings, input: SendInput): AcceptedMessage {
  const attributes = acceptAttributes(input.MessageAttributes ?? {})
  const message: AcceptedMessage = {
    body: input.MessageBody,
    attributes,
    systemAttributes: acceptSystemAttributes(input.MessageSystemAttributes ?? {}),
    groupId: acceptGroup(settings, input.MessageGroupId ?? undefined),
    deduplicationId: acceptDeduplicationId(settings, input),
    delaySeconds: acceptDelay(settings, input.DelaySeconds ?? undefined),
    bytes: messageBytes(input.MessageBody, attributes),
  }
  if (message.body === '') throw missingParameter('MessageBody')
  if (!isCharacterData(message.body)) {
    throw new AwsError(
      'InvalidMessageContents',
      'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF',
    )
  }
  if (message.bytes > settings.maximumMessageBytes) {
    throw invalidValue(
      `One or more parameters are invalid. Reason: Message must be shorter than ${settings.maximumMessageBytes} bytes.`,
    )
  }
  return message
}

/** "The size of a message includes its body, and the names, types and values of its attributes." */
export function messageBytes(body: string, attributes: MessageAttributes): number {
  let bytes = Buffer.byteLength(body)
  for (const [name, attribute] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(attribute.DataType)
    bytes += valueBytes(attribute).length
  }
  return bytes
}

/** Entries 1 to 10, ids distinct and well formed. */
export function checkBatch(entries: { Id: string }[]): void {
  if (entries.length === 0) {
    throw new AwsError('EmptyBatchRequest', 'There should be at least one entry in the request.')
  }
  if (entries.length > 10) {
    throw new AwsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    )
  }
  if (entries.some((entry) => !/^[\w-]{1,80}$/.test(entry.Id))) {
    throw new AwsError(
      'InvalidBatchEntryId',
      'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
    )
  }
  const ids = new Set<string>()
  for (const { Id } of entries) {
    if (ids.has(Id)) throw new AwsError('BatchEntryIdsNotDistinct', `Id ${Id} repeated.`)
    ids.add(Id)
  }
}

export function checkBatchBytes(bytes: number): void {
  if (bytes > MAXIMUM_MESSAGE_BYTES) {
    throw new AwsError(
      'BatchRequestTooLong',
      `Batch requests cannot be longer than ${MAXIMUM_MESSAGE_BYTES} bytes. You have sent ${bytes} bytes.`,
    )
  }
}

export function checkRange(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw invalidValue(
      `Value ${value} for parameter ${name} is invalid. Reason: Must be between ${least} and ${most}, if provided.`,
    )
  }
  return value
}

export function missingParameter(name: string): AwsError {
  return new AwsError('MissingParameter', `The request must contain the parameter ${name}.`)
}

export function invalidValue(message: string): AwsError {
  return new AwsError('InvalidParameterValue', message)
}

export function unknownAttribute(name: string): AwsError {
  return new AwsError('InvalidAttributeName', `Unknown Attribute ${name}.`)
}

function acceptAttributes(input: z.output<typeof attributesSchema>): MessageAttributes {
  const names = Object.keys(input)
  if (names.length > 10) {
    throw invalidValue(
      `Number of message attributes [${names.length}] exceeds the allowed maximum [10].`,
    )
  }
  const attributes: MessageAttributes = {}
  for (const name of names) {
    const { DataType, StringValue, BinaryValue } = input[name] ?? { DataType: '' }
    if (
      !/^[\w.-]{1,256}$/.test(name) ||
      /^(aws|amazon)\./i.test(name) ||
      /^\.|\.$|\.\./.test(name)
    ) {
      throw invalidValue(`The message attribute name '${name}' is invalid.`)
    }
    if (!/^(String|Number|Binary)(\..+)?$/.test(DataType) || DataType.length > 256) {
      throw invalidValue(
        `The type of message (user) attribute '${name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String.`,
      )
    }
    const value = DataType.startsWith('Binary') ? BinaryValue : StringValue
    if (value === undefined || value === '') {
      throw invalidValue(
        `The message (user) attribute '${name}' must contain a non-empty value of type '${DataType}'.`,
      )
    }
    if (DataType.startsWith('Number') && Number.isNaN(Number(value))) {
      throw invalidValue(`Can't cast the value of message (user) attribute '${name}' to a number.`)
    }
    attributes[name] = DataType.startsWith('Binary')
      ? { DataType, BinaryValue: value }
      : { DataType, StringValue: value }
  }
  return attributes
}

/** "Currently, the only supported message system attribute is AWSTraceHeader. Its type must be String." */
function acceptSystemAttributes(input: z.output<typeof attributesSchema>): MessageAttributes {
  for (const [name, { DataType }] of Object.entries(input)) {
    if (name !== 'AWSTraceHeader' || DataType !== 'String') {
      throw invalidValue(`Message system attribute '${name}' of type '${DataType}' is invalid.`)
    }
  }
  return acceptAttributes(
    Object.fromEntries(Object.entries(input).map(([name, value]) => [name, value])),
  )
}

function acceptGroup(settings: QueueSettings, groupId: string | undefined): string {
  if (groupId === undefined) {
    if (settings.fifo) throw missingParameter('MessageGroupId')
    return ''
  }
  checkToken('MessageGroupId', groupId)
  return groupId
}

function acceptDeduplicationId(settings: QueueSettings, input: SendInput): string | undefined {
  const given = input.MessageDeduplicationId ?? undefined
  if (given !== undefined) checkToken('MessageDeduplicationId', given)
  if (!settings.fifo) {
    if (given === undefined) return undefined
    throw invalidValue(
      `Value ${given} for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.`,
    )
  }
  if (given !== undefined) return given
  if (settings.contentBasedDeduplication) {
    return createHash('sha256').update(input.MessageBody).digest('hex')
  }
  throw invalidValue(
    'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
  )
}

function acceptDelay(settings: QueueSettings, delaySeconds: number | undefined): number {
  if (delaySeconds === undefined) return settings.delaySeconds
  checkRange('DelaySeconds', delaySeconds, 0, 900)
  // "When you set FifoQueue, you can't set DelaySeconds per message."
  if (settings.fifo && delaySeconds > 0) {
    throw invalidValue(
      `Value ${delaySeconds} for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.`,
    )
  }
  return settings.fifo ? settings.delaySeconds : delaySeconds
}

/** "Alphanumeric characters and punctuation", at most 128. */
function checkToken(name: string, value: string): void {
  if (!/^[!-~]{1,128}$/.test(value)) {
    throw invalidValue(
      `Value ${value} for parameter ${name} is invalid. Reason: ${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
    )
  }
}

function isCharacterData(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that SQS refuses
  return text.isWellFormed() && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text)
}
