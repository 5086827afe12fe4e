import { PROBLEMS } from '../../../shared/contract/problems.ts'

const WHAT_TO_DO: Record<string, string> = {
  SIGN_IN_DENIED: 'You did not allow the sign-in at the provider. You can start again.',
  access_denied: 'You did not allow the sign-in at the provider. You can start again.',
  SIGNUP_CLOSED: 'New owners cannot sign up here. Ask whoever runs this Portage to add you.',
  OAUTH_CALLBACK_INVALID:
    'That sign-in took longer than ten minutes or was begun in another browser. Please start again.',
  PROVIDER_UNAVAILABLE: 'The provider did not answer. Please try again in a minute.',
}

/** What the sign-in page says about the code in its address; undefined when there is none. */
export function signInNotice(code: string | null): { title: string; detail: string } | undefined {
  if (!code) return undefined
  const problem = Object.entries(PROBLEMS).find(([known]) => known === code)?.[1]
  return {
    title: problem?.title ?? 'The sign-in did not work',
    detail: WHAT_TO_DO[code] ?? 'Please try again.',
  }
}

/** A path of this app to go back to; anything else becomes the overview. */
export function localPath(returnTo: string | null): string {
  if (!returnTo || !/^\/(?![/\\])/.test(returnTo)) return '/'
  return /^\/(?:api|sign-in)(?:[/?#]|$)/.test(returnTo) ? '/' : returnTo
}
