/** The page on which a person chooses an account and grants or denies what a client asks for. */
import { escapeHtml, htmlPage } from './html.ts'

interface Person {
  email: string
  name: string
}

interface ConsentPage {
  providerName: string
  /** What a scope lets a client do; a scope without a text is shown as it is. */
  scopeTexts: Record<string, string>
  /** Scopes that say who somebody is and give no access. */
  identityScopes: readonly string[]
  /** Where the form is sent. */
  action: string
  clientId: string
  accounts: Person[]
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
  const identity = page.scopes.filter((scope) => page.identityScopes.includes(scope))
  const access = page.scopes.filter((scope) => !page.identityScopes.includes(scope))
  const title = `Sign in with ${escapeHtml(page.providerName)}`
  return htmlPage(
    `Sign in with ${page.providerName} (emulator)`,
    `<main class="narrow">
<h1>${title}</h1>
<p class="quiet">This is the emulator on this machine. No password is asked for.</p>
<p><b>${escapeHtml(page.clientId)}</b> wants access to your account.</p>
<form method="post" action="${escapeHtml(page.action)}">
${hidden}
<label for="account">Account</label>
<select id="account" name="account">
${page.accounts.map((account) => accountOption(account, page.preselected)).join('\n')}
</select>
${scopeGroup('Who you are', identity, page.scopeTexts)}
${scopeGroup('What it may do', access, page.scopeTexts)}
<button class="primary" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>
</main>`,
  )
}

function accountOption(account: Person, preselected: string | undefined): string {
  const selected = account.email === preselected ? ' selected="selected"' : ''
  const email = escapeHtml(account.email)
  return `<option value="${email}"${selected}>${escapeHtml(account.name)} (${email})</option>`
}

function scopeGroup(legend: string, scopes: string[], scopeTexts: Record<string, string>): string {
  if (scopes.length === 0) return ''
  const boxes = scopes.map((scope) => {
    const text = escapeHtml(scopeTexts[scope] ?? scope)
    return `<label><input type="checkbox" name="scope" value="${escapeHtml(scope)}" checked="checked"> ${text}</label>`
  })
  return `<fieldset><legend>${legend}</legend>\n${boxes.join('\n')}\n</fieldset>`
}

/** No provider redirects to an address it does not trust; it shows why instead. */
export function authorizationErrorPage(code: string, sentence: string): string {
  return htmlPage(
    'Access blocked',
    `<main class="narrow"><h1>Access blocked: authorisation error</h1>
<p>${escapeHtml(sentence)}</p><p class="quiet">Error 400: ${escapeHtml(code)}</p></main>`,
  )
}
