import { useRef, useState } from 'preact/hooks'
import { ApiProblem } from '../common/api-problem.ts'
import type { Messages } from './messages.ts'
import type { PortalVisit } from './portal-visit.ts'
import { NetworkError } from './upload/http.ts'

interface PasswordFormProps {
  visit: PortalVisit
  messages: Messages
  onUnlocked: () => void
}

const FIELD_ID = 'portal-password'
const ERROR_ID = 'portal-password-error'

export function PasswordForm({ visit, messages, onUnlocked }: PasswordFormProps) {
  const field = useRef<HTMLInputElement>(null)
  const mayTryAtMs = useRef(0)
  const [error, setError] = useState('')
  const [isChecking, setChecking] = useState(false)
  const [isShown, setShown] = useState(false)

  const refuse = (words: string) => {
    setError(words)
    field.current?.focus()
    field.current?.select()
  }

  const submit = async (event: Event) => {
    event.preventDefault()
    const password = field.current?.value ?? ''
    if (isChecking) return
    if (password === '') return refuse(messages.passwordMissing)
    if (Date.now() < mayTryAtMs.current) return refuse(wordsForWait(mayTryAtMs.current, messages))
    if (!navigator.onLine) return refuse(messages.passwordNotSent)
    // Taken away and put there again, or the same words would not be read out a second time.
    setError('')
    setChecking(true)
    const problem = await problemOf(visit, password)
    setChecking(false)
    if (problem === undefined) return onUnlocked()
    const waitMs = problem instanceof ApiProblem ? problem.retryAfterMs : undefined
    if (waitMs === undefined) return refuse(wordsFor(problem, messages))
    mayTryAtMs.current = Date.now() + waitMs
    refuse(wordsForWait(mayTryAtMs.current, messages))
  }

  return (
    <form class="password" noValidate onSubmit={submit}>
      <div class="field">
        <label for={FIELD_ID}>{messages.password}</label>
        <div class="password-line">
          <input
            ref={field}
            id={FIELD_ID}
            type={isShown ? 'text' : 'password'}
            required
            maxLength={128}
            autocomplete="current-password"
            autocapitalize="off"
            spellcheck={false}
            aria-invalid={error !== ''}
            aria-describedby={error === '' ? undefined : ERROR_ID}
          />
          <button
            type="button"
            class="button"
            aria-label={isShown ? messages.hidePassword : messages.showPassword}
            onClick={() => setShown(!isShown)}
          >
            {isShown ? messages.hide : messages.show}
          </button>
        </div>
        {error !== '' && (
          <p class="field-error" id={ERROR_ID} role="alert">
            {error}
          </p>
        )}
      </div>
      <button type="submit" class="button primary large" aria-disabled={isChecking}>
        {isChecking ? messages.checkingPassword : messages.openPortal}
      </button>
      <p class="visually-hidden" role="status">
        {isChecking && messages.checkingPassword}
      </p>
    </form>
  )
}

/** Why the portal stays locked; undefined when it is open. */
async function problemOf(
  visit: PortalVisit,
  password: string,
): Promise<ApiProblem | NetworkError | undefined> {
  try {
    await visit.unlock(password)
    return undefined
  } catch (error) {
    if (error instanceof ApiProblem || error instanceof NetworkError) return error
    throw error
  }
}

function wordsFor(problem: ApiProblem | NetworkError, messages: Messages): string {
  const isWrong = problem instanceof ApiProblem && problem.code === 'WRONG_PASSWORD'
  return isWrong ? messages.passwordWrong : messages.passwordNotSent
}

function wordsForWait(untilMs: number, messages: Messages): string {
  return messages.tooManyPasswords(untilMs - Date.now(), untilMs)
}
