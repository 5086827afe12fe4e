import { Anchor, Button, Progress } from '@mantine/core'
import { Link } from 'react-router'
import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { PROVIDER_NAMES } from '../../common/provider-names.ts'
import { connectPath } from '../api/client.ts'
import { ProviderMark } from '../providers/provider-mark.tsx'
import { BusyButton } from '../shell/busy-button.tsx'
import { countOf } from '../shell/count-of.ts'
import { LOCALE } from '../shell/locale.ts'
import { StatusLabel } from '../shell/status-label.tsx'
import { Time } from '../shell/time.tsx'
import { accountLabel, accountName } from './account-name.ts'
import { describeQuota } from './describe-quota.ts'
import {
  type AccountAction,
  accountActions,
  describeAccount,
  describeLastError,
} from './storage-status.ts'

interface AccountCardProps {
  account: AccountEntry
  returnTo: string
  headingLevel: 2 | 3
  /** Portals that deliver there; undefined while that is not known, or without storage. */
  portalCount: number | undefined
  /** Whether another account could take its portals. */
  canMove: boolean
  busy: boolean
  onReactivate: () => void
  onAsk: (what: 'pause' | 'disconnect' | 'move') => void
}

export function AccountCard(props: AccountCardProps) {
  const { account, headingLevel, portalCount, canMove, onAsk } = props
  const { storageStatus: status, lastError, name, quota, lastAccessedAt } = account
  const provider = PROVIDER_NAMES[account.storageProvider]
  const indicator = describeAccount(account)
  const who = accountName(account)
  const label = accountLabel(account)
  const room = quota === null ? undefined : describeQuota(quota, LOCALE)
  const Heading = headingLevel === 2 ? 'h2' : 'h3'
  return (
    <article className="card account-card" data-status={status}>
      <div className="card-head">
        <Heading className="card-title provider-title">
          <ProviderMark id={account.storageProvider} />
          {provider}
        </Heading>
        <StatusLabel color={indicator.color}>{indicator.label}</StatusLabel>
      </div>
      <p className="card-subtitle">{name && name !== who ? `${name} · ${who}` : who}</p>
      <p className="card-advice">
        {status === 'ACTIVE' && room?.warning !== undefined ? room.warning : indicator.advice}
      </p>
      <ul className="account-lines">
        <li>
          OAuth: <YesNo value={account.hasValidOAuth} yes="valid" no="not valid" />
        </li>
        <li>Storage: {status ?? 'none'}</li>
        <li>
          Connected: <YesNo value={account.isConnected} yes="yes" no="no" />
        </li>
      </ul>
      {lastError !== null && (
        <p className="last-error">
          <strong>Last error:</strong> {describeLastError(lastError)}
        </p>
      )}
      {room && <Room room={room} of={label} />}
      <ul className="facts">
        {portalCount !== undefined && (
          <li>
            {portalCount === 0 ? (
              'No portal delivers here'
            ) : (
              <Anchor component={Link} to="/portals" underline="always">
                {countOf(portalCount, 'portal')} {portalCount === 1 ? 'delivers' : 'deliver'} here
              </Anchor>
            )}
          </li>
        )}
        {account.storageAccountId !== null && (
          <li>
            <Anchor
              component={Link}
              to={`/files?storageAccountId=${account.storageAccountId}`}
              underline="always"
            >
              Its files<span className="visually-hidden"> in {label}</span>
            </Anchor>
          </li>
        )}
        {account.storageAccountId !== null && (
          <li>
            <Anchor
              component={Link}
              to={`/activity?subjectId=${account.storageAccountId}`}
              underline="always"
            >
              History<span className="visually-hidden"> of {label}</span>
            </Anchor>
          </li>
        )}
        {lastAccessedAt !== null && (
          <li>
            Last used: <Time value={lastAccessedAt} />
          </li>
        )}
      </ul>
      <div className="card-actions">
        {accountActions(status).map((action) => (
          <ActionButton key={action} action={action} of={label} {...props} />
        ))}
        {status !== null && status !== 'ACTIVE' && canMove && Boolean(portalCount) && (
          <Button size="xs" variant="default" onClick={() => onAsk('move')}>
            Move its portals<span className="visually-hidden"> from {label}</span>
          </Button>
        )}
      </div>
    </article>
  )
}

const LABELS: Record<Exclude<AccountAction, 'connect'>, string> = {
  pause: 'Pause',
  reactivate: 'Reactivate',
  retry: 'Retry now',
  reconnect: 'Reconnect',
  disconnect: 'Disconnect',
}

function ActionButton({
  action,
  of,
  account,
  returnTo,
  busy,
  onReactivate,
  onAsk,
}: AccountCardProps & { action: AccountAction; of: string }) {
  const label = (
    <>
      {action === 'connect' ? `Connect ${PROVIDER_NAMES[account.storageProvider]}` : LABELS[action]}
      <span className="visually-hidden"> {of}</span>
    </>
  )
  switch (action) {
    case 'reactivate':
    case 'retry':
      return (
        <BusyButton size="xs" busy={busy} onClick={onReactivate}>
          {label}
        </BusyButton>
      )
    case 'connect':
    case 'reconnect':
      return (
        <Button
          size="xs"
          component="a"
          href={connectPath(returnTo, account.provider)}
          variant={account.storageStatus === 'ERROR' ? 'default' : 'filled'}
        >
          {label}
        </Button>
      )
    case 'pause':
    case 'disconnect':
      return (
        <Button size="xs" variant="default" onClick={() => onAsk(action)}>
          {label}
        </Button>
      )
  }
}

function YesNo({ value, yes, no }: { value: boolean; yes: string; no: string }) {
  return (
    <>
      <span aria-hidden="true">{value ? '✅' : '❌'}</span> {value ? yes : no}
    </>
  )
}

function Room({ room, of }: { room: ReturnType<typeof describeQuota>; of: string }) {
  const { usedPercent, text, warning } = room
  return (
    <div className="quota">
      {usedPercent !== null && (
        <Progress.Root>
          <Progress.Section
            value={usedPercent}
            color={warning === undefined ? 'spruce' : 'danger'}
            aria-label={`Space used in ${of}`}
            aria-valuetext={text}
          />
        </Progress.Root>
      )}
      <p className="small-print">{text}</p>
    </div>
  )
}
