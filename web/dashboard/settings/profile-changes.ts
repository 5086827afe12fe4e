import type { ProfileReply, ProfileRequest } from '../../../shared/contract/settings.ts'

type ProfileValues = Required<Pick<ProfileReply, 'locale' | 'singleEmailPerProvider'>> & {
  name: string
}

/** Only what differs; a name that was never there and is not given is none. */
export function profileChanges(before: ProfileReply, values: ProfileValues): ProfileRequest {
  const { locale, singleEmailPerProvider } = values
  const name = values.name.trim()
  return {
    ...(name === (before.name ?? '') ? {} : { name }),
    ...(locale === before.locale ? {} : { locale }),
    ...(singleEmailPerProvider === before.singleEmailPerProvider ? {} : { singleEmailPerProvider }),
  }
}
