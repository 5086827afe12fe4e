/** Storages at the emulators of all providers, for deliveries that are to be told of each. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalClock } from '../../../infra/local/clock.ts'
import { EMULATORS } from '../../../infra/local/providers/emulators.ts'
import type { StorageProvider } from '../../../shared/providers/provider.ts'
import type { ProviderSuite } from '../../support/provider-suite.ts'
import { providerToken } from '../../support/provider-token.ts'
import { PROVIDERS } from '../../support/providers.ts'
import { CHUNK_BYTES, SINGLE_REQUEST_BYTES } from './delivery-house.ts'

/** The storage of somebody who has given our client a consent. */
export interface Storage {
  /** Takes smaller chunks than it would; a test may put its own methods in. */
  provider: StorageProvider
  accessToken: string
  /** What its owner sees in it. */
  files(): Promise<StoredFile[]>
}

interface StoredFile {
  id: string
  name: string
  path: string
  sha256: string
}

export interface Storages {
  /** A new one, in which nothing is. */
  open(suite: ProviderSuite): Promise<Storage>
  close(): Promise<void>
}

const REDIRECT_URI = 'http://127.0.0.1:4400/callback'

export async function startStorages(): Promise<Storages> {
  const dataDir = await mkdtemp(join(tmpdir(), 'portage-storages-'))
  const clock = new LocalClock()
  const places = await Promise.all(
    PROVIDERS.map(async ({ id }) => {
      const kind = EMULATORS[id]
      const client = kind.newClient()
      const emulator = kind.create({ dataDir: join(dataDir, id), clock })
      emulator.registerClient({ ...client, redirectUris: [REDIRECT_URI] })
      const { url: origin } = await emulator.listen(0)
      return { id, client, emulator, origin }
    }),
  )
  let people = 0

  return {
    async open({ id, driver, storageScopes: scopes }) {
      const place = places.find((each) => each.id === id)
      if (!place) throw new Error(`no emulator of ${id}`)
      const { client, origin } = place
      people += 1
      const email = `person-${people}@example.com`
      const made = await fetch(`${origin}/_emulator/accounts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email }),
      })
      if (!made.ok) throw new Error(`no account: ${made.status} ${await made.text()}`)
      const asked = { origin, client, redirectUri: REDIRECT_URI, scopes, email }
      return {
        provider: {
          ...driver(origin),
          chunkBytes: CHUNK_BYTES,
          singleRequestBytes: SINGLE_REQUEST_BYTES,
        },
        accessToken: await providerToken(asked),
        async files() {
          const reply = await fetch(`${origin}/_emulator/files?account=${email}`)
          const { files } = (await reply.json()) as {
            files: (StoredFile & { trashed: boolean })[]
          }
          return files.filter(({ trashed }) => !trashed)
        },
      }
    },
    async close() {
      for (const { emulator } of places) await emulator.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
