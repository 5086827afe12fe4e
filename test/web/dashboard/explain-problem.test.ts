import { describe, expect, it } from 'vitest'
import { ApiProblem } from '../../../web/common/api-problem.ts'
import {
  explainProblem,
  fieldErrors,
  Unreachable,
} from '../../../web/dashboard/api/explain-problem.ts'

const FIELDS = ['name', 'slug'] as const

describe('A problem is explained', () => {
  it('in the words of the API', () => {
    const problem = new ApiProblem(409, {
      code: 'FILE_UNAVAILABLE',
      title: 'File unavailable',
      detail: 'Reconnect its storage account, then it is there again.',
      requestId: 'req-1',
    })

    expect(explainProblem(problem)).toEqual({
      title: 'File unavailable',
      detail: 'Reconnect its storage account, then it is there again.',
    })
  })

  it('with the request id when the fault is ours', () => {
    const problem = new ApiProblem(500, {
      code: 'INTERNAL',
      title: 'Something went wrong',
      detail: 'Please try again.',
      requestId: 'req-1',
    })

    expect(explainProblem(problem).detail).toBe('Please try again. Request id: req-1')
  })

  it('by its status when something else than the API answered', () => {
    expect(explainProblem(new ApiProblem(502, {})).detail).toContain('502')
  })

  it('as a matter of the connection when nobody answered', () => {
    expect(explainProblem(new Unreachable()).title).toBe('Portage cannot be reached')
  })

  it('without its inner words when it is none of these', () => {
    expect(JSON.stringify(explainProblem(new TypeError('x is undefined')))).not.toContain('x is')
  })
})

describe('Fields of a refused form', () => {
  it('get their first message as a sentence; others are kept apart', () => {
    const problem = new ApiProblem(400, {
      code: 'INVALID_REQUEST',
      errors: [
        { field: 'slug', message: 'is reserved' },
        { field: 'slug', message: 'is odd' },
        { field: 'storageProvider', message: 'does not match' },
      ],
    })

    expect(fieldErrors(problem, FIELDS)).toEqual({
      byField: { slug: 'Is reserved.' },
      rest: [{ field: 'storageProvider', message: 'does not match' }],
    })
  })

  it('show a taken link at the link, whether or not the API names the field', () => {
    const problem = new ApiProblem(409, { code: 'SLUG_TAKEN' })

    expect(fieldErrors(problem, FIELDS).byField.slug).toContain('already taken')
  })
})
