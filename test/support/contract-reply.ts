/** Whether the API answers as its contract says. */
import { expect } from 'vitest'
import { PROBLEMS, type Problem } from '../../shared/contract/problems.ts'
import { problemsOf, type RouteContract } from '../../shared/contract/route.ts'
import { CONTRACT, type ContractKey } from '../../shared/contract/routes.ts'

/** Checks a reply's status, type and body; returns its problem when it is one. */
export async function problemByContract(
  key: ContractKey,
  response: Response,
): Promise<Problem | undefined> {
  const row: RouteContract = CONTRACT[key]
  const text = await response.text()
  const where = `${key}: ${response.status} ${text.slice(0, 500)}`
  const reply = row.replies[response.status]
  if (reply === undefined) {
    expect(response.headers.get('content-type'), where).toBe('application/problem+json')
    const problem = JSON.parse(text) as Problem
    expect(problemsOf(key, row), where).toContain(problem.code)
    expect(response.status, where).toBe(PROBLEMS[problem.code].status)
    return problem
  }
  if (reply.json) {
    expect(response.headers.get('content-type'), where).toBe('application/json')
    const body: unknown = JSON.parse(text)
    const parsed = reply.json.schema.safeParse(body)
    expect(parsed.error?.issues, where).toBeUndefined()
    // Members that the contract does not know are dropped by parsing.
    expect(parsed.data, where).toEqual(body)
  } else if (!reply.isFile) {
    expect(text, where).toBe('')
  }
  for (const header of reply.headers ?? []) {
    if (header === 'X-Next-Cursor') continue
    expect(response.headers.has(header), `${where}: ${header}`).toBe(true)
  }
  return undefined
}
