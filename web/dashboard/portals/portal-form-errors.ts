import type { ApiProblem } from '../../common/api-problem.ts'
import { fieldErrors } from '../api/explain-problem.ts'
import { PORTAL_FORM_FIELDS, type PortalFormField, parseTypes } from './portal-form.ts'

interface PortalFormErrors {
  byField: Partial<Record<PortalFormField, string>>
  /** Whether the fields say all of it. */
  complete: boolean
}

/** What the API said about a portal's settings, at the fields of the form. */
export function portalFormErrors(
  problem: Pick<ApiProblem, 'code' | 'fields'>,
  allowedTypes: string,
): PortalFormErrors {
  const fields = problem.fields.map(({ field, message }) => {
    const [root = field, member] = field.split('.')
    if (root === 'fields' && member !== undefined) return { field: member, message }
    if (root === 'requireClientName') return { field: 'clientName', message }
    if (root === 'requireClientEmail') return { field: 'clientEmail', message }
    if (root === 'storageProvider') return { field: 'storageAccountId', message }
    const type = root === 'allowedTypes' && parseTypes(allowedTypes)[Number(member)]
    return { field: root, message: type ? `“${type}” ${message}` : message }
  })
  const { byField, rest } = fieldErrors({ code: problem.code, fields }, PORTAL_FORM_FIELDS)
  return { byField, complete: rest.length === 0 && Object.keys(byField).length > 0 }
}
