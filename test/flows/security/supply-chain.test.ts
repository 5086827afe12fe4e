import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const PLATFORM = `${process.platform}-${process.arch}`

/** A clone with nothing installed, and an npm that installs what the attacker wants. */
let clone: string
let toolsDir: string

/** What stands in for the Node binary: says that it ran. */
const BINARY = '#!/bin/sh\necho "$0 $*" >> "$(dirname "$0")/../../../ran.log"\necho v0.0.0\n'

beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), 'portage-clone-'))
  clone = join(dir, 'clone')
  toolsDir = join(dir, 'tools')
  mkdirSync(join(clone, 'infra'), { recursive: true })
  mkdirSync(toolsDir)
  for (const file of [
    'infra/bootstrap.mjs',
    'infra/node-checksums.json',
    'package-lock.json',
    'package.json',
    '.npmrc',
  ]) {
    cpSync(join(ROOT, file), join(clone, file))
  }
  writeFileSync(join(clone, 'script.mjs'), "console.log('the script ran')\n")
  writeFileSync(join(dir, 'binary'), BINARY)
  writeFileSync(
    join(toolsDir, 'npm'),
    `#!/bin/sh
echo "$*" >> "${clone}/npm.log"
if [ "$1" = rebuild ]; then
  mkdir -p node_modules/node/bin
  cp "${dir}/binary" node_modules/node/bin/node
  chmod +x node_modules/node/bin/node
fi
`,
  )
  chmodSync(join(toolsDir, 'npm'), 0o755)
})
afterEach(() => rmSync(join(clone, '..'), { recursive: true }))

function start(): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(clone, 'infra', 'bootstrap.mjs'), 'script.mjs'],
    {
      cwd: clone,
      encoding: 'utf8',
      env: { PATH: `${toolsDir}:/usr/bin:/bin` },
      timeout: 20_000,
    },
  )
  return { status, output: stdout + stderr }
}

function trust(sha256: Record<string, string>): void {
  const file = join(clone, 'infra', 'node-checksums.json')
  const checksums = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, JSON.stringify({ ...checksums, sha256 }))
}

const binaryOf = (dir: string): string => join(dir, 'node_modules', 'node', 'bin', 'node')
const ran = (): string =>
  existsSync(join(clone, 'ran.log')) ? readFileSync(join(clone, 'ran.log'), 'utf8') : ''
const npmCalls = (): string[] => readFileSync(join(clone, 'npm.log'), 'utf8').trim().split('\n')

describe('security rule 26: what is installed', () => {
  it('a Node binary that the list does not name is deleted and never run', () => {
    const { status, output } = start()

    expect(status).toBe(1)
    expect(output).toContain('node-checksums.json')
    expect(output).not.toContain('the script ran')
    expect(existsSync(binaryOf(clone))).toBe(false)
    expect(ran()).toBe('')
  })

  it('nor does the second start trust what the first refused', () => {
    start()
    const { status } = start()

    expect(status).toBe(1)
    expect(npmCalls()).toHaveLength(4)
    expect(existsSync(binaryOf(clone))).toBe(false)
    expect(ran()).toBe('')
  })

  it('a platform without a known hash is told so, and nothing is run', () => {
    trust({ 'plan9-mips': '0'.repeat(64) })

    const { status, output } = start()

    expect(status).toBe(1)
    expect(output).toContain(PLATFORM)
    expect(ran()).toBe('')
  })

  it('the binary that the list names runs', () => {
    trust({ [PLATFORM]: createHash('sha256').update(BINARY).digest('hex') })

    start()

    expect(ran()).toContain('script.mjs')
  })

  it('packages come from the lock file, and only the script of node itself may run', () => {
    start()

    const [install = '', rebuild = ''] = npmCalls()
    expect(install.split(' ').slice(0, 2)).toEqual(['ci', '--ignore-scripts'])
    expect(rebuild.split(' ').slice(0, 3)).toEqual(['rebuild', 'node', '--ignore-scripts=false'])
    const { allowScripts, scripts } = JSON.parse(
      readFileSync(join(ROOT, 'package.json'), 'utf8'),
    ) as {
      allowScripts: Record<string, boolean>
      scripts: Record<string, string>
    }
    const allowed = Object.entries(allowScripts).filter(([, isAllowed]) => isAllowed)
    expect(allowed).toEqual([['node', true]])
    expect(JSON.stringify(scripts)).not.toMatch(
      /npm (i|install|add|update)\b|npx |(pre|post)install/,
    )
  })

  it('every package of the lock file has the hash of its content and comes from the registry', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { integrity?: string; resolved?: string; inBundle?: boolean }>
    }
    // What lies inside of another package comes with that one's hash.
    const installed = Object.entries(packages).filter(
      ([path, { inBundle }]) => path !== '' && inBundle !== true,
    )
    expect(installed.length).toBeGreaterThan(100)
    for (const [path, { integrity, resolved }] of installed) {
      expect(integrity, path).toMatch(/^sha512-/)
      expect(resolved ?? 'https://registry.npmjs.org/', path).toMatch(
        /^https:\/\/registry\.npmjs\.org\//,
      )
    }
  })

  it('the Node that runs here is one that the list names', () => {
    const { version, sha256 } = JSON.parse(
      readFileSync(join(ROOT, 'infra', 'node-checksums.json'), 'utf8'),
    ) as { version: string; sha256: Record<string, string> }
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>
    }

    expect(devDependencies['node']).toBe(version)
    const actual = createHash('sha256')
      .update(readFileSync(binaryOf(ROOT)))
      .digest('hex')
    expect(actual).toBe(sha256[PLATFORM])
  })
})
