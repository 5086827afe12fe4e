/** What every refusal of the API has in common. */
import { expect } from 'vitest'
import { PROBLEMS, type Problem, type ProblemCode } from '../../shared/contract/problems.ts'

/** Checks that a reply is this problem, in full, and names exactly these fields. */
export async function expectProblem(
  response: Response,
  code: ProblemCode,
  fields: string[] = [],
): Promise<Problem> {
  const text = await response.text()
  expect(`${response.status} ${text}`).toContain(`"code":"${code}"`)
  const problem = JSON.parse(text) as Problem
  const { status, title } = PROBLEMS[code]
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json\b/)
  expect(problem).toMatchObject({
    type: `urn:portage:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    code,
    detail: expect.stringMatching(/^.{10,}[.?]$/),
    requestId: expect.stringMatching(/^.{8,}$/),
  })
  expect([...new Set((problem.errors ?? []).map(({ field }) => field))]).toEqual(fields)
  for (const { message } of problem.errors ?? []) expect(message).not.toBe('')
  return problem
}
