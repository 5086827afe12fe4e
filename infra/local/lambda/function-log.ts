/**
 * Lines of the functions: `<dataDir>/logs/<function>.log` and a listener. A file that has grown to
 * its limit becomes `<function>.log.1`, in place of the one before.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { LambdaLogLine } from './invocation.ts'

export interface FunctionLog {
  write(line: LambdaLogLine): void
  close(): void
}

/** What Lambda's REPORT line tells. */
export interface Report {
  requestId: string
  durationMs: number
  initDurationMs: number | undefined
  memoryMb: number
  maxMemoryMb: number
  /** `timeout`, or the type of the error that ended the sandbox. */
  status?: string
}

/** A day of busy work; with the file before it, no function keeps more than twice this. */
const DEFAULT_MAX_BYTES = 8 * 1024 * 1024

export function createFunctionLog(
  dataDir: string,
  listener?: (line: LambdaLogLine) => void,
  maxBytes = DEFAULT_MAX_BYTES,
): FunctionLog {
  const folder = join(dataDir, 'logs')
  mkdirSync(folder, { recursive: true })
  const files = new Map<string, { descriptor: number; bytes: number }>()

  const open = (functionName: string) => {
    const descriptor = openSync(join(folder, `${functionName}.log`), 'a', 0o600)
    const file = { descriptor, bytes: fstatSync(descriptor).size }
    files.set(functionName, file)
    return file
  }

  const startAnew = (functionName: string, descriptor: number) => {
    closeSync(descriptor)
    const path = join(folder, `${functionName}.log`)
    renameSync(path, `${path}.1`)
    return open(functionName)
  }

  return {
    write: (entry) => {
      const { functionName, line } = entry
      let file = files.get(functionName) ?? open(functionName)
      if (file.bytes >= maxBytes) file = startAnew(functionName, file.descriptor)
      file.bytes += writeSync(file.descriptor, `${line}\n`)
      listener?.(entry)
    },
    close: () => {
      for (const { descriptor } of files.values()) closeSync(descriptor)
      files.clear()
    },
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html; init is billed too. */
function reportLine(report: Report): string {
  const initMs = report.initDurationMs
  const fields = [
    `REPORT RequestId: ${report.requestId}`,
    `Duration: ${report.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(report.durationMs + (initMs ?? 0))} ms`,
    `Memory Size: ${report.memoryMb} MB`,
    `Max Memory Used: ${Math.ceil(report.maxMemoryMb)} MB`,
  ]
  if (initMs !== undefined) fields.push(`Init Duration: ${initMs.toFixed(2)} ms`)
  if (report.status === 'timeout') fields.push('Status: timeout')
  else if (report.status) fields.push('Status: error', `Error Type: ${report.status}`)
  return fields.join('\t')
}

/** Brackets what one environment writes with the lines START, END and REPORT of its requests. */
export interface RequestLog {
  line(text: string): void
  start(requestId: string): void
  /** The outcome is known, but lines of the request may still be on their way. */
  finish(report: Report, lastLine?: string): void
  /** The runtime asks for more, or has ended: all that it wrote for the request has arrived. */
  end(): void
}

export function createRequestLog(log: FunctionLog, functionName: string): RequestLog {
  let current: string | undefined
  let pending: { report: Report; lastLine: string | undefined } | undefined

  const write = (line: string) =>
    log.write({ functionName, line, ...(current && { requestId: current }) })

  const start = (requestId: string) => {
    current = requestId
    write(`START RequestId: ${requestId} Version: $LATEST`)
  }

  return {
    // The runtime client writes a carriage return for each newline within one message.
    line: (text: string) => write(text.replaceAll('\r', '\n')),
    start,
    finish: (report: Report, lastLine?: string) => {
      pending = { report, lastLine }
    },
    end: () => {
      if (!pending) return
      const { report, lastLine } = pending
      pending = undefined
      if (current === undefined) start(report.requestId)
      if (lastLine !== undefined) write(lastLine)
      write(`END RequestId: ${report.requestId}`)
      write(reportLine(report))
      current = undefined
    },
  }
}
