import type { ReactNode } from 'react'
import type { StorageProviderId } from '../../../shared/contract/common.ts'
import { ProviderMark } from '../providers/provider-mark.tsx'

/** Words that name a provider, with its mark before them. */
export function AtProvider({ id, children }: { id: StorageProviderId; children: ReactNode }) {
  return (
    <span className="at-provider">
      <ProviderMark id={id} />
      {children}
    </span>
  )
}
