import type { AccountEntry } from '../../../shared/contract/accounts.ts'
import { formatBytes, formatPercent } from '../../common/format.ts'

/** From here on an owner should think of making room. */
const ALMOST_FULL = 0.9

interface QuotaWords {
  /** Null where the provider names no limit. */
  usedPercent: number | null
  text: string
  /** What follows from it, when something does. */
  warning?: string
}

/** The room of an account in words; a bar may stand beside them, but says nothing that they do not. */
export function describeQuota(
  { usedBytes, totalBytes }: NonNullable<AccountEntry['quota']>,
  locale: string,
): QuotaWords {
  const used = formatBytes(usedBytes, locale)
  if (totalBytes === null) return { usedPercent: null, text: `${used} used, without a limit` }
  const fraction = totalBytes === 0 ? 1 : Math.min(1, usedBytes / totalBytes)
  const free = formatBytes(Math.max(0, totalBytes - usedBytes), locale)
  const words = {
    // A tiny share would be written as 3e-10, which assistive technology cannot read.
    usedPercent: Math.round(fraction * 1000) / 10,
    text: `${used} of ${formatBytes(totalBytes, locale)} used (${formatPercent(fraction, locale)}), ${free} free`,
  }
  if (usedBytes >= totalBytes) {
    return {
      ...words,
      warning: 'It is full. Files wait until there is room, and are then delivered by themselves.',
    }
  }
  return fraction < ALMOST_FULL
    ? words
    : { ...words, warning: 'It is almost full. Files that no longer fit in will wait.' }
}
