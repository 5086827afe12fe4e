import type { OauthProviderId, StorageProviderId } from '../../../shared/contract/common.ts'

/** Addresses of the marks by file; a file is named after the id that it stands for. */
const MARKS = import.meta.glob<string>('../../../shared/providers/*/*.svg', {
  eager: true,
  query: '?url',
  import: 'default',
})

/** A mark in its owner's colours; it stands beside words that say the same. */
export function ProviderMark({ id }: { id: StorageProviderId | OauthProviderId }) {
  const file = Object.keys(MARKS).find((path) => path.endsWith(`/${id}.svg`))
  return file && <img src={MARKS[file]} width="18" height="18" alt="" />
}
