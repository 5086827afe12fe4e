import { useSearchParams } from 'react-router'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { Notice } from '../shell/notice.tsx'
import { connectNotice } from './connect-notice.ts'

/** Shown where a connect flow ends; closing it also takes the outcome out of the address. */
export function ConnectOutcome({ accounts }: { accounts: AccountEntry[] | undefined }) {
  const [query, setQuery] = useSearchParams()
  const notice = accounts && connectNotice(query, accounts)
  if (!notice) return null
  const close = () =>
    setQuery(
      (before) => {
        before.delete('connected')
        before.delete('connectError')
        before.delete('provider')
        return before
      },
      { replace: true },
    )
  return (
    <Notice tone={notice.tone} title={notice.title} onClose={close}>
      {notice.detail}
    </Notice>
  )
}
