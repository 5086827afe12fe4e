import { readFileSync } from 'node:fs'

/** Whether the process runs or is stopped; a zombie counts as ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A killed orphan may stay as a zombie until init collects it.
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readStatus(pid))
  } catch {
    // No such process.
    return false
  }
}

/** `T (stopped)` of a frozen process. */
export function processState(pid: number): string | undefined {
  return /^State:\s+(.*)$/m.exec(readStatus(pid))?.[1]
}

const readStatus = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'utf8')
