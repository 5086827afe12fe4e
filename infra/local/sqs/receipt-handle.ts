import { AwsError } from '../engine.ts'

/** What a receipt handle says; opaque to consumers. */
export interface ReceiptHandle {
  queue: string
  seq: number
  receipt: string
}

export function writeReceiptHandle(handle: ReceiptHandle): string {
  return Buffer.from(`${handle.queue} ${handle.seq} ${handle.receipt}`).toString('base64')
}

/** Refuses what this queue never handed out. */
export function readReceiptHandle(queue: string, text: string): ReceiptHandle {
  const decoded = Buffer.from(text, 'base64').toString()
  const match = /^(\S+) (\d{1,15}) ([0-9a-f]{32})$/.exec(decoded)
  if (match === null || match[1] !== queue || Buffer.from(decoded).toString('base64') !== text) {
    throw new AwsError(
      'ReceiptHandleIsInvalid',
      `The input receipt handle "${text}" is not a valid receipt handle.`,
    )
  }
  return { queue, seq: Number(match[2]), receipt: match[3] ?? '' }
}
