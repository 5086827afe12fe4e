import type { OpenPortalReply } from '../../shared/contract/portals.ts'
import type { Messages } from './messages.ts'
import type { ClientDetails } from './upload/upload-item.ts'

export type ClientField = keyof ClientDetails
export type FieldErrors = Partial<Record<ClientField, string>>

interface ClientFieldsProps {
  rules: OpenPortalReply['fields']
  /** What was typed before, when the fields come back. */
  client: ClientDetails
  errors: FieldErrors
  messages: Messages
}

const FIELDS = ['clientName', 'clientEmail', 'clientMessage'] as const
const MESSAGE_MAX_LENGTH = 2000

export function ClientFields({ rules, client, errors, messages }: ClientFieldsProps) {
  const fields = FIELDS.flatMap((name) => {
    const rule = rules[name]
    return rule === 'hidden' ? [] : [{ name, rule }]
  })
  if (fields.length === 0) return null
  return (
    <fieldset class="card fields">
      <legend>{messages.aboutYou}</legend>
      {fields.map(({ name, rule }) => (
        <Field
          key={name}
          name={name}
          label={messages[name]}
          rule={rule}
          given={client[name]}
          error={errors[name]}
          messages={messages}
        />
      ))}
    </fieldset>
  )
}

interface FieldProps {
  name: ClientField
  label: string
  rule: 'required' | 'optional'
  given: string | undefined
  error: string | undefined
  messages: Messages
}

function Field({ name, label, rule, given, error, messages }: FieldProps) {
  const errorId = `${name}-error`
  const common = {
    id: name,
    name,
    defaultValue: given ?? '',
    required: rule === 'required',
    'aria-invalid': error !== undefined,
    'aria-describedby': error === undefined ? undefined : errorId,
  }
  return (
    <div class={`field ${name}`}>
      <label for={name}>
        {label} {rule === 'optional' && <span class="optional">({messages.optional})</span>}
      </label>
      {name === 'clientMessage' ? (
        <textarea {...common} rows={3} maxLength={MESSAGE_MAX_LENGTH} />
      ) : name === 'clientEmail' ? (
        <input {...common} type="email" autocomplete="email" maxLength={254} />
      ) : (
        <input {...common} type="text" autocomplete="name" maxLength={200} />
      )}
      {error !== undefined && (
        <p class="field-error" id={errorId}>
          {error}
        </p>
      )}
    </div>
  )
}

/** What was typed, without what was left empty. */
export function readClient(form: HTMLFormElement): ClientDetails {
  const typed = new FormData(form)
  const client: ClientDetails = {}
  for (const field of FIELDS) {
    const value = String(typed.get(field) ?? '').trim()
    if (value !== '') client[field] = value
  }
  return client
}

export function checkClient(
  client: ClientDetails,
  rules: OpenPortalReply['fields'],
  messages: Messages,
): FieldErrors {
  const errors: FieldErrors = {}
  if (rules.clientName === 'required' && !client.clientName) {
    errors.clientName = messages.nameMissing
  }
  if (rules.clientEmail === 'required' && !client.clientEmail) {
    errors.clientEmail = messages.emailMissing
  } else if (client.clientEmail && !/^\S+@\S+\.\S+$/.test(client.clientEmail)) {
    errors.clientEmail = messages.emailIllFormed
  }
  if (rules.clientMessage === 'required' && !client.clientMessage) {
    errors.clientMessage = messages.messageMissing
  } else if ((client.clientMessage?.length ?? 0) > MESSAGE_MAX_LENGTH) {
    errors.clientMessage = messages.messageTooLong
  }
  return errors
}
