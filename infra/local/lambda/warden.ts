/**
 * The warden outlives the runner by one moment: a detached `sh` reads `+pid` and `-pid` lines and,
 * when its stdin closes (also by `kill -9` of the runner, which runs no exit handler), kills every
 * process that is still watched. Stopped processes die too: SIGKILL does not wait for SIGCONT.
 * Known gap: a process started by a watched process is not known here and outlives it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Warden {
  /** Kills the process when the runner is gone. */
  watch(pid: number): void
  /** Forgets a process that has ended, so that a reused pid is left alone. */
  release(pid: number): void
  /** Kills what is still watched and waits until the warden has ended. */
  close(): Promise<void>
}

// `kill`, `read` and `case` are built in, so that the script needs no PATH.
const SCRIPT = `trap '' HUP INT TERM
pids=' '
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) pids="$pids$pid " ;;
    -*) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
  esac
done
for pid in $pids; do kill -KILL "$pid"; kill -CONT "$pid"; done 2>/dev/null
exit 0`

export function startWarden(): Warden {
  // A session of its own: Ctrl-C in the terminal must not reach it before the runner.
  const child = spawn('/bin/sh', ['-c', SCRIPT], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  })
  const exited = once(child, 'exit')
  // Writing to a warden that was killed by hand must not take the runner down.
  child.stdin.on('error', () => {})
  return {
    watch: (pid) => {
      child.stdin.write(`+${pid}\n`)
    },
    release: (pid) => {
      child.stdin.write(`-${pid}\n`)
    },
    close: async () => {
      child.stdin.end()
      await exited
    },
  }
}
