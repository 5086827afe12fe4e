import type { FixAccountsReply, SyncReply } from '../../../shared/contract/accounts.ts'
import { countOf } from '../shell/count-of.ts'

interface RepairSummary {
  tone: 'info' | 'warning'
  title: string
  /** What was done, one sentence each. */
  lines: string[]
}

/** What “Fix Storage” did. */
export function describeFix(summary: FixAccountsReply['summary']): RepairSummary {
  const { created, reactivated, validated, reactivatedPortals, errors } = summary
  const changed = created + reactivated > 0
  return {
    tone: errors.length > 0 ? 'warning' : 'info',
    title: title(changed ? 'Storage is fixed' : 'Nothing was missing', errors),
    lines: [
      ...counted(created, 'account', 'created'),
      ...counted(reactivated, 'account', 'brought back'),
      ...counted(validated, 'account', 'checked and in order'),
      ...counted(reactivatedPortals, 'portal', 'reopened'),
      ...errors.map(sentence),
    ],
  }
}

/** What “Sync OAuth Status” found. */
export function describeSync(summary: SyncReply['summary']): RepairSummary {
  const { accountsChecked, accountsUpdated, deactivatedPortals, reactivatedPortals, errors } =
    summary
  return {
    tone: errors.length > 0 || deactivatedPortals > 0 ? 'warning' : 'info',
    title: title(
      accountsUpdated > 0 ? 'Statuses are up to date again' : 'Every status was right',
      errors,
    ),
    lines: [
      `${countOf(accountsChecked, 'account')} looked at.`,
      ...counted(accountsUpdated, 'account', 'changed'),
      ...counted(deactivatedPortals, 'portal', 'stopped'),
      ...counted(reactivatedPortals, 'portal', 'reopened'),
      ...errors.map(sentence),
    ],
  }
}

function title(withoutErrors: string, errors: string[]): string {
  return errors.length === 0
    ? withoutErrors
    : `${countOf(errors.length, 'account')} ${errors.length === 1 ? 'needs' : 'need'} you`
}

function counted(count: number, noun: string, what: string): string[] {
  return count === 0 ? [] : [`${countOf(count, noun)} ${what}.`]
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
