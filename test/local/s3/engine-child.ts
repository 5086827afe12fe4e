/** Starts an engine in a process of its own, with a client for it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { S3Client } from '@aws-sdk/client-s3'
import { LOCAL_REGION } from '../../../infra/local/engine.ts'
import { PRESIGNING } from './s3-harness.ts'

const PROGRAM = new URL('./engine-process.ts', import.meta.url).pathname

export interface EngineChild {
  client: S3Client
  bucket: string
  /** The most memory that the process held so far. */
  peakBytes(): Promise<number>
  /** Ends it at once, in the middle of whatever it does. */
  kill(): Promise<void>
}

export async function startEngineChild(dataDir: string): Promise<EngineChild> {
  const child = fork(PROGRAM, [dataDir], { execArgv: [] })
  const [{ endpoint }] = (await once(child, 'message')) as [{ endpoint: string }]
  const client = new S3Client({
    ...PRESIGNING,
    endpoint,
    region: LOCAL_REGION,
    credentials: { accessKeyId: 'AKIAENGINE', secretAccessKey: 'secret' },
    maxAttempts: 1,
  })
  return {
    client,
    bucket: 'staging',
    async peakBytes() {
      child.send('peak')
      const [{ peakBytes }] = (await once(child, 'message')) as [{ peakBytes: number }]
      return peakBytes
    },
    async kill() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      client.destroy()
    },
  }
}
