/** A copy of a cloud assembly from which single permissions were taken, as if the app had never granted them. */
import { mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RemovedGrant {
  /** Beginning of the logical id of the role: `clientuploadsRole`. */
  role: string
  action: string
}

interface Template {
  Resources: Record<string, { Type: string; Properties?: PolicyProperties }>
}

interface PolicyProperties {
  Roles?: { Ref: string }[]
  PolicyDocument?: { Statement: { Action: string | string[] }[] }
}

export function assemblyWithout(assemblyDir: string, removed: RemovedGrant): string {
  const copy = mkdtempSync(join(tmpdir(), 'assembly-'))
  let count = 0
  for (const name of readdirSync(assemblyDir)) {
    if (!name.endsWith('.template.json')) {
      symlinkSync(join(assemblyDir, name), join(copy, name))
      continue
    }
    const template: Template = JSON.parse(readFileSync(join(assemblyDir, name), 'utf8'))
    count += removeGrant(template, removed)
    writeFileSync(join(copy, name), JSON.stringify(template))
  }
  // A test of a missing grant means nothing when the grant was never there.
  if (count === 0) throw new Error(`no policy of ${removed.role} allows ${removed.action}`)
  return copy
}

function removeGrant({ Resources }: Template, { role, action }: RemovedGrant): number {
  let count = 0
  for (const { Type, Properties } of Object.values(Resources)) {
    const isOfRole = Properties?.Roles?.some(({ Ref }) => Ref.startsWith(role)) ?? false
    if (Type !== 'AWS::IAM::Policy' || !isOfRole || !Properties?.PolicyDocument) continue
    const document = Properties.PolicyDocument
    document.Statement = document.Statement.flatMap((statement) => {
      const actions = [statement.Action].flat()
      const kept = actions.filter((one) => one !== action)
      count += actions.length - kept.length
      return kept.length === 0 ? [] : [{ ...statement, Action: kept }]
    })
  }
  return count
}
