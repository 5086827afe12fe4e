/**
 * The functions' code as it was when they were registered: `<dataDir>/code/<function>/`.
 *
 * A copy, as a deployment is one: a build that runs meanwhile does not reach into running functions.
 * And a place of its own, because above the code of a real function stands no `package.json`, which
 * makes its `.js` CommonJS, while the one above the build's output says `"type": "module"`.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Gives the directory that becomes LAMBDA_TASK_ROOT. */
export function storeCode(dataDir: string, functionName: string, codeDir: string): string {
  const root = resolve(dataDir, 'code')
  const taskRoot = join(root, functionName)
  rmSync(taskRoot, { recursive: true, force: true })
  mkdirSync(root, { recursive: true })
  writeFileSync(join(root, 'package.json'), '{}\n')
  cpSync(codeDir, taskRoot, { recursive: true })
  return taskRoot
}
