/** The page on which a person chooses an account and grants or denies what a client asks for. */
import { escapeHtml, htmlPage } from '../html.ts'
import type { Account } from './account-store.ts'

const SCOPE_TEXTS: Record<string, string> = {
  openid: 'Associate you with your personal info on Google',
  email: 'See your primary e-mail address',
  profile: 'See your name and picture',
  'https://www.googleapis.com/auth/userinfo.email': 'See your primary e-mail address',
  'https://www.googleapis.com/auth/userinfo.profile': 'See your name and picture',
  'https://www.googleapis.com/auth/drive.file':
    'See, edit, create and delete only the Drive files you use with this app',
  'https://www.googleapis.com/auth/drive': 'See, edit, create and delete all of your Drive files',
  'https://www.googleapis.com/auth/drive.readonly': 'See and download all of your Drive files',
  'https://www.googleapis.com/auth/drive.metadata.readonly':
    'See information about your Drive files',
}
const IDENTITY_SCOPES = new Set([
  'openid',
  'email',
  'profile',
  'https://www.googleapis.com/auth/userinfo.email',
  'https://www.googleapis.com/auth/userinfo.profile',
])

interface ConsentPage {
  /** Where the form is sent. */
  action: string
  clientId: string
  accounts: Account[]
  /** E-mail chosen beforehand, by `login_hint`. */
  preselected: string | undefined
  scopes: string[]
  /** The request itself, carried through the form. */
  hidden: Record<string, string>
}

export function consentPage(page: ConsentPage): string {
  const hidden = Object.entries({ ...page.hidden, scopes_shown: page.scopes.join(' ') })
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`)
    .join('\n')
  const identity = page.scopes.filter((scope) => IDENTITY_SCOPES.has(scope))
  const access = page.scopes.filter((scope) => !IDENTITY_SCOPES.has(scope))
  return htmlPage(
    'Sign in with Google (emulator)',
    `<main class="narrow">
<h1>Sign in with Google</h1>
<p class="quiet">This is the emulator on this machine. No password is asked for.</p>
<p><b>${escapeHtml(page.clientId)}</b> wants access to your account.</p>
<form method="post" action="${escapeHtml(page.action)}">
${hidden}
<label for="account">Account</label>
<select id="account" name="account">
${page.accounts.map((account) => accountOption(account, page.preselected)).join('\n')}
</select>
${scopeGroup('Who you are', identity)}
${scopeGroup('What it may do', access)}
<button class="primary" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>
</main>`,
  )
}

function accountOption(account: Account, preselected: string | undefined): string {
  const selected = account.email === preselected ? ' selected="selected"' : ''
  const email = escapeHtml(account.email)
  return `<option value="${email}"${selected}>${escapeHtml(account.name)} (${email})</option>`
}

function scopeGroup(legend: string, scopes: string[]): string {
  if (scopes.length === 0) return ''
  const boxes = scopes.map((scope) => {
    const text = escapeHtml(SCOPE_TEXTS[scope] ?? scope)
    return `<label><input type="checkbox" name="scope" value="${escapeHtml(scope)}" checked="checked"> ${text}</label>`
  })
  return `<fieldset><legend>${legend}</legend>\n${boxes.join('\n')}\n</fieldset>`
}

/** Google never redirects to an address it does not trust; it shows why instead. */
export function authorizationErrorPage(code: string, sentence: string): string {
  return htmlPage(
    'Access blocked',
    `<main class="narrow"><h1>Access blocked: authorisation error</h1>
<p>${escapeHtml(sentence)}</p><p class="quiet">Error 400: ${escapeHtml(code)}</p></main>`,
  )
}
