import { expect, it } from 'vitest'
import { readStartOptions } from '../../infra/local/start-options.ts'

it('starts on 4400 with a demo and what is in .portage', () => {
  expect(readStartOptions([])).toEqual({
    port: 4400,
    dataDir: '.portage',
    fresh: false,
    demo: true,
    help: false,
  })
})

it('takes other ports, another folder, a fresh start and no demo', () => {
  const options = readStartOptions(['--port', '5000', '--data', '/tmp/x', '--fresh', '--no-demo'])

  expect(options).toMatchObject({ port: 5000, dataDir: '/tmp/x', fresh: true, demo: false })
})

it.each([
  [['--port', 'many'], '--port must be a number up to 65532'],
  [['--port', '65533'], '--port must be a number up to 65532'],
  [['--data', ''], '--data needs a folder'],
  [['--bogus'], "Unknown option '--bogus'"],
])('refuses %j', (args, message) => {
  expect(() => readStartOptions(args)).toThrow(message)
})
