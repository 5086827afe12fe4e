/**
 * Leaves out of a bundle what no function reaches although esbuild cannot see it: it changes the
 * text of a file as it is read. A package whose text no longer fits its rule is bundled whole, which
 * the test of the bundles' sizes notices.
 */
import { readFile } from 'node:fs/promises'
import type { Loader, Plugin } from 'esbuild'

interface Rule {
  files: RegExp
  lean(text: string): string
  loader?: Loader
}

/**
 * Errors of AWS that our code tells apart by class or of which it reads members. All others arrive
 * as their service's base class, with the right name, message and status: it is by these that the
 * SDK decides what to repeat.
 */
export const KEPT_ERRORS = [
  'ConditionalCheckFailedException',
  'TransactionCanceledException',
  'TransactionConflictException',
]

/** Of Dropbox's two hundred and more, those that its driver calls by the SDK. */
const CALLED_DROPBOX_ROUTES = [
  'filesCreateFolderV2',
  'filesGetMetadata',
  'filesUploadSessionFinishBatchV2',
]

const RULES: Rule[] = [
  // A client describes every shape of its service, and only some are used.
  { files: /\/@aws-sdk\/client-[^/]+\/dist-es\/schemas\/schemas_0\.js$/, lean: usedShapesOnly },
  // No client of ours is given an extension, without which its settings stay as they are.
  {
    files: /\/@aws-sdk\/client-[^/]+\/dist-es\/runtimeExtensions\.js$/,
    lean: () => 'export const resolveRuntimeExtensions = (config) => config',
  },
  // Like credentials, settings come from the environment alone: Lambda has no `~/.aws/config`, and
  // a developer's own must not steer functions that run on his machine.
  {
    files: /\/shared-ini-file-loader\/loadSharedConfigFiles\.js$/,
    lean: () => `export { CONFIG_PREFIX_SEPARATOR } from './constants'
      export const loadSharedConfigFiles = async () => ({ configFile: {}, credentialsFile: {} })`,
  },
  { files: /\/dropbox\/es\/lib\/routes\.js$/, lean: calledRoutesOnly },
  // Uploads and downloads of the SDK's own, which cannot go on in another process.
  {
    files: /\/dropbox\/es\/index\.js$/,
    lean: () => `export { default as Dropbox } from './src/dropbox.js'`,
  },
  // Node has these hashes; the ones in JavaScript are for platforms that have not.
  { files: /\/(Md5|Sha1|Sha256)Js\.js$/, lean: emptyFunctions },
  // No function writes a JSON schema, and every schema of zod can.
  { files: /\/zod\/v4\/core\/(json-schema-processors|to-json-schema)\.js$/, lean: emptyFunctions },
  // What a function parses has come as text, in which nothing holds itself.
  { files: /\/zod\/v4\/core\/memoizer\.js$/, lean: emptyFunctions },
  // A function speaks a small part of the contract.
  { files: /\/shared\/contract\/[\w-]+\.ts$/, lean: usedSchemasOnly, loader: 'ts' },
  // What of a provider is said to operators and on pages.
  { files: /\/shared\/providers\/\w+\/facts\.ts$/, lean: withoutTexts, loader: 'ts' },
  // Packages read their own version for the User-Agent, and bring in their list of scripts by it.
  { files: /\/node_modules\/.*\/package\.json$/, lean: versionOnly, loader: 'json' },
]

export const leanBundles: Plugin = {
  name: 'lean-bundles',
  setup({ onLoad }) {
    for (const { files, lean, loader = 'js' } of RULES) {
      onLoad({ filter: files }, async ({ path }) => ({
        contents: lean(await readFile(path, 'utf8')),
        loader,
      }))
    }
  },
}

/**
 * A computed key (`{ [_hH]: … }`) may run code, so esbuild keeps a shape that has one; with the
 * constant's value in its place it is dropped when unused. Registering an error's class holds the
 * class and everything that it mentions.
 */
function usedShapesOnly(text: string): string {
  const constants = new Map(
    [...text.matchAll(/^const (_\w+) = ("[^"]*");$/gm)].map(([, name, value]) => [name, value]),
  )
  return text
    .replaceAll(/\[(_\w+)\]:/g, (key, name) => `${constants.get(name) ?? key.slice(0, -1)}:`)
    .replaceAll(/^n0_registry\.registerError\(\w+\$, (\w+)\);$/gm, (statement, error) =>
      KEPT_ERRORS.includes(error) ? statement : '',
    )
}

/** Making a schema does nothing else, but a call of zod does not say so. */
function usedSchemasOnly(text: string): string {
  return text.replaceAll(
    /^((?:export )?const \w+ = )(z\b.*(?:\n[ )}\]].*)*)/gm,
    '$1/* @__PURE__ */ (() => $2)()',
  )
}

function withoutTexts(text: string): string {
  return text.replaceAll(/^ {2}(?:client|afterDeletion|pictures):.*\n(?: {4}.*\n)*/gm, '')
}

/** Assigned one by one they are held by every bundle that sees the package; as one object they are not. */
function calledRoutesOnly(text: string): string {
  const called = CALLED_DROPBOX_ROUTES.map((name) => {
    const [, code] = new RegExp(`^routes\\.${name} = (function .*?^});`, 'ms').exec(text) ?? []
    return code && `${name}: ${code}`
  })
  return called.includes(undefined) ? text : `export const routes = { ${called.join(',')} }`
}

function emptyFunctions(text: string): string {
  const names = [...text.matchAll(/^export (?:function|const|class) (\w+)/gm)]
  return names.map(([, name]) => `export function ${name}() {}`).join('\n')
}

function versionOnly(text: string): string {
  const { name, version } = JSON.parse(text)
  return JSON.stringify({ name, version })
}
