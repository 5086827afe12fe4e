import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MAX_FILE_BYTES } from '../../../shared/contract/limits.ts'
import { hostsFrom, hostVariables } from '../../../shared/providers/hosts.ts'
import {
  factsOf,
  OAUTH_PROVIDER_IDS,
  PROVIDERS,
  STORAGE_PROVIDER_IDS,
} from '../../../shared/providers/providers.ts'

const FOLDER = join(import.meta.dirname, '..', '..', '..', 'shared', 'providers')

describe.each(STORAGE_PROVIDER_IDS)('what is known of %s', (id) => {
  it('has ids that name no other provider', () => {
    const { oauthId } = PROVIDERS[id]
    const others = STORAGE_PROVIDER_IDS.filter((other) => other !== id)
    expect(others.flatMap((other) => [other, PROVIDERS[other].oauthId])).not.toContain(oauthId)
    expect(`${id} ${oauthId}`).toMatch(/^[a-z_]+ [a-z]+$/)
  })

  it('has a variable of its own for each host', () => {
    const variables = STORAGE_PROVIDER_IDS.flatMap(hostVariables).map(({ variable }) => variable)
    const own = hostVariables(id)
    expect(own.length).toBeGreaterThan(0)
    for (const { variable, origin } of own) {
      expect(variables.filter((name) => name === variable)).toEqual([variable])
      expect(new URL(origin).origin).toBe(origin)
    }
  })

  it('leads each host to where its variable says', () => {
    const hosts = hostsFrom((variable) => `at ${variable}`)[id]
    expect(Object.values(hosts)).toEqual(hostVariables(id).map(({ variable }) => `at ${variable}`))
  })

  it('has a mark for each of its ids', () => {
    const files = readdirSync(FOLDER, { recursive: true }).map((path) => String(path))
    for (const name of [id, PROVIDERS[id].oauthId]) {
      expect(files.filter((path) => path.endsWith(`/${name}.svg`))).toHaveLength(1)
    }
  })

  it('speaks of the storage by its name', () => {
    expect(factsOf(id).afterDeletion).toContain(factsOf(id).name)
  })
})

it('a client may announce the largest file that any of them takes', () => {
  const largest = STORAGE_PROVIDER_IDS.map((id) => factsOf(id).maxFileBytes)
  expect(MAX_FILE_BYTES).toBe(Math.max(...largest))
})

it('the ids that records of existing deployments carry are known, and Drive comes first', () => {
  expect(STORAGE_PROVIDER_IDS).toEqual(expect.arrayContaining(['google_drive', 'dropbox']))
  expect(OAUTH_PROVIDER_IDS.slice(0, 2)).toEqual(['google', 'dropbox'])
})
