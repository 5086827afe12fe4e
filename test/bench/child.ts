/** A script of this folder as a process of its own, which answers each message with one. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Child<Hello> {
  /** What it said when it was ready. */
  hello: Hello
  ask<Reply>(message: object): Promise<Reply>
  close(): Promise<void>
}

export async function startChild<Hello>(script: string, args: string[]): Promise<Child<Hello>> {
  const process = fork(join(import.meta.dirname, script), args)
  const answer = async (): Promise<unknown> => {
    const settled = new AbortController()
    const { signal } = settled
    const failed = once(process, 'exit', { signal }).then(([code]) => {
      throw new Error(`${script} ended with ${code}`)
    })
    try {
      const [message] = await Promise.race([once(process, 'message', { signal }), failed])
      return message
    } finally {
      settled.abort()
    }
  }
  const hello = (await answer()) as Hello
  return {
    hello,
    async ask<Reply>(message: object) {
      const reply = answer()
      process.send(message)
      return (await reply) as Reply
    },
    async close() {
      const ended = once(process, 'exit')
      process.disconnect()
      await ended
    },
  }
}
