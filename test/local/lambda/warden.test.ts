import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test, vi } from 'vitest'
import { startWarden } from '../../../infra/local/lambda/warden.ts'
import { isAlive } from './process-alive.ts'

const IDLE = ['-e', 'setInterval(() => {}, 1000)']

const startIdle = (): ChildProcess & { pid: number } =>
  spawn(process.execPath, IDLE, { stdio: 'ignore' }) as ChildProcess & { pid: number }

test('a runner killed with SIGKILL leaves no child, stopped ones included', async () => {
  const wardenModule = new URL('../../../infra/local/lambda/warden.ts', import.meta.url).href
  const source = `
    import { spawn } from 'node:child_process'
    import { startWarden } from ${JSON.stringify(wardenModule)}
    const warden = startWarden()
    const idle = ${JSON.stringify(IDLE)}
    const children = [0, 1].map(() => spawn(process.execPath, idle, { stdio: 'ignore', detached: true }))
    for (const child of children) warden.watch(child.pid)
    children[1].kill('SIGSTOP')
    console.log(JSON.stringify(children.map((child) => child.pid)))
    setInterval(() => {}, 1000)`
  const runner = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: runner.stdout }), 'line')
  const pids: number[] = JSON.parse(line)
  expect(pids.map(isAlive)).toEqual([true, true])

  runner.kill('SIGKILL')

  await vi.waitFor(() => expect(pids.map(isAlive)).toEqual([false, false]), { timeout: 5000 })
})

test('closing kills what is watched and spares what was released', async () => {
  const warden = startWarden()
  const [first, released, last] = [startIdle(), startIdle(), startIdle()]
  for (const child of [first, released, last]) warden.watch(child.pid)
  warden.release(released.pid)

  await warden.close()

  await vi.waitFor(() =>
    expect([first, last].map(({ pid }) => isAlive(pid))).toEqual([false, false]),
  )
  expect(isAlive(released.pid)).toBe(true)
  released.kill('SIGKILL')
})
