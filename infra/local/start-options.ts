import { parseArgs } from 'node:util'
import { PROVIDERS } from '../../shared/providers/providers.ts'

export interface StartOptions {
  port: number
  dataDir: string
  fresh: boolean
  demo: boolean
  help: boolean
}

export class StartOptionError extends Error {
  override name = 'StartOptionError' as const
}

const DEFAULT_PORT = 4400
const SIGN_IN_NAMES = Object.values(PROVIDERS).map(({ signInName }) => signInName)
/** App, AWS endpoint and the providers. */
const PORTS_IN_A_ROW = 2 + SIGN_IN_NAMES.length
const LARGEST_PORT = 65_535

export const START_HELP = `npm start -- [options]

Runs all of Portage on this machine: the app, AWS and the storage providers.

  --port N     first of ${PORTS_IN_A_ROW} ports in a row (default ${DEFAULT_PORT}): app, AWS endpoint, ${SIGN_IN_NAMES.join(', ')}
  --data DIR   where every state is kept (default .portage)
  --fresh      begin with an empty data folder
  --no-demo    without the demo owner and portal
  --help       this text
`

export function readStartOptions(args: string[]): StartOptions {
  const { values } = parse(args)
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 1 || port + PORTS_IN_A_ROW - 1 > LARGEST_PORT) {
    throw new StartOptionError(`--port must be a number up to ${LARGEST_PORT - PORTS_IN_A_ROW + 1}`)
  }
  if (values.data === '') throw new StartOptionError('--data needs a folder')
  return {
    port,
    dataDir: values.data,
    fresh: values.fresh,
    demo: values.demo,
    help: values.help,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowNegative: true,
      options: {
        port: { type: 'string', default: String(DEFAULT_PORT) },
        data: { type: 'string', default: '.portage' },
        fresh: { type: 'boolean', default: false },
        demo: { type: 'boolean', default: true },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    if (error instanceof TypeError) throw new StartOptionError(error.message)
    throw error
  }
}
