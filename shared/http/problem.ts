import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { PROBLEMS, type Problem } from '../contract/problems.ts'
import { PortageError } from '../errors.ts'
import { log, loggable } from '../platform/log.ts'

/** The only place that turns an error into a status and a body; anything unexpected exposes nothing, while our own refusals are written for people. */
export function toProblem(error: unknown, requestId: string): Problem {
  const known = error instanceof PortageError ? error : undefined
  const code = known?.code ?? 'INTERNAL'
  const { status, title } = PROBLEMS[code]
  return {
    type: `urn:portage:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: known?.message ?? 'Please try again. If it goes on, tell us the request id.',
    code,
    requestId,
    ...(known && known.fields.length > 0 ? { errors: known.fields } : {}),
    ...(known?.facts.candidates ? { candidates: known.facts.candidates } : {}),
    ...(known?.facts.connectUrl ? { connectUrl: known.facts.connectUrl } : {}),
  }
}

/** The reply to a request that failed: a problem for programs, the same words as a page for a person whose browser went there. */
export function problemReply(
  error: unknown,
  event: APIGatewayProxyEventV2,
): APIGatewayProxyStructuredResultV2 {
  const problem = toProblem(error, event.requestContext.requestId)
  const { code, status } = problem
  if (status >= 500) log.error('Request failed', { code, failure: loggable(error) })
  else log.info('Request refused', { code, status })
  const retryAfter = error instanceof PortageError ? error.facts.retryAfterSeconds : undefined
  const asPage = event.headers['sec-fetch-mode'] === 'navigate'
  return {
    statusCode: status,
    headers: {
      'content-type': asPage ? 'text/html; charset=utf-8' : 'application/problem+json',
      'cache-control': 'no-store',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    body: asPage ? problemPage(problem) : JSON.stringify(problem),
  }
}

/** Plain HTML without script, style or anything that a request brought. */
function problemPage({ title, detail, code, requestId }: Problem): string {
  const goOn = code === 'SESSION_REQUIRED' ? 'Sign in' : 'Back to Portage'
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeHtml(title)}</title></head><body><main>`,
    `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(detail)}</p>`,
    `<p><a href="/">${goOn}</a></p><p><small>${escapeHtml(requestId)}</small></p>`,
    '</main></body></html>',
  ].join('')
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
