import { createHash } from 'node:crypto'

/** Value of a message attribute as it is kept: binary values in base64. */
export interface MessageAttribute {
  DataType: string
  StringValue?: string
  BinaryValue?: string
}

export type MessageAttributes = Record<string, MessageAttribute>

export function md5OfBody(body: string): string {
  return createHash('md5').update(body).digest('hex')
}

/**
 * MD5 over the attributes sorted by name, each as length-prefixed name, type and value.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
 */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  const names = Object.keys(attributes).sort()
  if (names.length === 0) return undefined
  const hash = createHash('md5')
  const update = (bytes: Buffer): void => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hash.update(length).update(bytes)
  }
  for (const name of names) {
    const attribute = attributes[name]
    if (attribute === undefined) continue
    update(Buffer.from(name))
    update(Buffer.from(attribute.DataType))
    // "Encode the transport type (String or Binary) of the value (1 byte)": 1 and 2.
    hash.update(Buffer.of(attribute.BinaryValue === undefined ? 1 : 2))
    update(valueBytes(attribute))
  }
  return hash.digest('hex')
}

export function valueBytes(attribute: MessageAttribute): Buffer {
  return attribute.BinaryValue === undefined
    ? Buffer.from(attribute.StringValue ?? '')
    : Buffer.from(attribute.BinaryValue, 'base64')
}
