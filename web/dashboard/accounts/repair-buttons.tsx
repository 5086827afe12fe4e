import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { fixAccounts, syncOauthStatus } from '../api/client.ts'
import { isNotSession } from '../api/query-keys.ts'
import { BusyButton } from '../shell/busy-button.tsx'
import { Notice } from '../shell/notice.tsx'
import { ProblemNotice } from '../shell/problem-notice.tsx'
import { describeFix, describeSync } from './repair-summary.ts'

/** For when what is shown here does not fit what the owner knows of the accounts. */
export function RepairButtons() {
  const queryClient = useQueryClient()
  const [outcome, setOutcome] = useState<ReturnType<typeof describeFix>>()
  const onSettled = () => queryClient.invalidateQueries({ predicate: isNotSession })
  const onMutate = () => setOutcome(undefined)
  const fix = useMutation({
    mutationFn: fixAccounts,
    onMutate,
    onSuccess: (summary) => setOutcome(describeFix(summary)),
    onSettled,
  })
  const sync = useMutation({
    mutationFn: syncOauthStatus,
    onMutate,
    onSuccess: (summary) => setOutcome(describeSync(summary)),
    onSettled,
  })
  const error = fix.error ?? sync.error
  return (
    <section className="repair" aria-label="Put accounts right">
      <dl className="repair-actions">
        <div>
          <dt>
            <BusyButton
              size="xs"
              variant="default"
              busy={fix.isPending}
              onClick={() => {
                sync.reset()
                fix.mutate()
              }}
            >
              Fix Storage
            </BusyButton>
          </dt>
          <dd>Creates accounts that are missing and tries again those that could work.</dd>
        </div>
        <div>
          <dt>
            <BusyButton
              size="xs"
              variant="default"
              busy={sync.isPending}
              onClick={() => {
                fix.reset()
                sync.mutate()
              }}
            >
              Sync OAuth Status
            </BusyButton>
          </dt>
          <dd>Asks the providers whether every status shown here is still true.</dd>
        </div>
      </dl>
      {error && <ProblemNotice error={error} />}
      {outcome && (
        <Notice tone={outcome.tone} title={outcome.title} onClose={() => setOutcome(undefined)}>
          <ul className="plain-list">
            {outcome.lines.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </Notice>
      )}
    </section>
  )
}
