import { Button, Progress } from '@mantine/core'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { formatBytes } from '../../common/format.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { connectPath } from '../api/client.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { LOCALE } from '../shell/locale.ts'
import { StatusLabel } from '../shell/status-label.tsx'
import { Time } from '../shell/time.tsx'
import { accountName } from './account-name.ts'
import { type AccountAction, accountActions, getStorageStatusIndicator } from './storage-status.ts'

interface AccountCardProps {
  account: AccountEntry
  busy: boolean
  onPause: () => void
  onReactivate: () => void
}

export function AccountCard({ account, busy, onPause, onReactivate }: AccountCardProps) {
  const { storageStatus: status, lastError, name, quota, lastAccessedAt } = account
  const provider = PROVIDER_NAMES[account.storageProvider]
  const signInOnly = account.storageAccountId === null && account.isAuthAccount
  const indicator = getStorageStatusIndicator(status && { status, lastError })
  const who = accountName(account)

  const button = (action: AccountAction) => {
    switch (action) {
      case 'pause':
        return (
          <Button key={action} variant="default" onClick={onPause}>
            Pause<span className="visually-hidden"> {who}</span>
          </Button>
        )
      case 'reactivate':
      case 'retry':
        return (
          <BusyButton key={action} busy={busy} onClick={onReactivate}>
            {action === 'retry' ? 'Try again now' : 'Reactivate'}
            <span className="visually-hidden"> {who}</span>
          </BusyButton>
        )
      case 'connect':
      case 'reconnect':
        return (
          <Button
            key={action}
            component="a"
            href={connectPath('/accounts')}
            variant={action === 'reconnect' && status === 'ERROR' ? 'default' : 'filled'}
          >
            {action === 'connect' ? 'Connect Google Drive' : 'Reconnect'}
            {action === 'reconnect' && <span className="visually-hidden"> {who}</span>}
          </Button>
        )
    }
  }

  return (
    <article className="card account-card">
      <div className="card-head">
        <h2 className="card-title">{provider}</h2>
        <StatusLabel color={signInOnly ? 'grey' : indicator.color}>
          {signInOnly ? 'Sign-in only' : indicator.label}
        </StatusLabel>
      </div>
      <p className="card-subtitle">{name && name !== who ? `${name} · ${who}` : who}</p>
      <p className="card-advice">
        {signInOnly
          ? 'You sign in with it. Connect its Google Drive to have files delivered there.'
          : indicator.advice}
      </p>
      <ul className="facts">
        <li>
          OAuth: <YesNo value={account.hasValidOAuth} yes="valid" no="not valid" />
        </li>
        <li>Storage: {status ?? 'none'}</li>
        <li>
          Connected: <YesNo value={account.isConnected} yes="yes" no="no" />
        </li>
        {lastAccessedAt !== null && (
          <li>
            Last used: <Time value={lastAccessedAt} />
          </li>
        )}
      </ul>
      {quota !== null && <Quota {...quota} />}
      <div className="card-actions">{accountActions(status).map(button)}</div>
    </article>
  )
}

function YesNo({ value, yes, no }: { value: boolean; yes: string; no: string }) {
  return (
    <>
      <span aria-hidden="true">{value ? '✅' : '❌'}</span> {value ? yes : no}
    </>
  )
}

function Quota({ usedBytes, totalBytes }: { usedBytes: number; totalBytes: number | null }) {
  const used = formatBytes(usedBytes, LOCALE)
  if (totalBytes === null) return <p className="small-print">{used} used</p>
  return (
    <div className="quota">
      <Progress value={(100 * usedBytes) / totalBytes} aria-label="Space used" />
      <p className="small-print">
        {used} of {formatBytes(totalBytes, LOCALE)} used
      </p>
    </div>
  )
}
