/**
 * Chooses a route as API Gateway does: the path first (literal segments before variables, those
 * before a greedy one, `$default` last), then the exact method before ANY.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
import type { HttpRoute } from './http-api-types.ts'

export interface RouteMatch {
  route: HttpRoute
  /** Decoded; absent members stay absent. */
  pathParameters: Record<string, string>
}

interface CompiledRoute {
  route: HttpRoute
  method: string
  segments: string[]
  /** Compared as text: `0` literal, `1` variable, `2` greedy, `3` the default route; then `0` method, `1` ANY. */
  rank: string
}

const isGreedy = (segment: string): boolean => segment.endsWith('+}')
const isVariable = (segment: string): boolean => segment.startsWith('{')

export function compileRoutes(
  routes: HttpRoute[],
): (method: string, path: string) => RouteMatch | undefined {
  const compiled = routes.map(compile).sort((a, b) => (a.rank < b.rank ? -1 : 1))
  return (method, path) => {
    const segments = path.slice(1).split('/')
    for (const candidate of compiled) {
      if (candidate.method !== 'ANY' && candidate.method !== method) continue
      const pathParameters = match(candidate, segments)
      if (pathParameters) return { route: candidate.route, pathParameters }
    }
    return undefined
  }
}

function compile(route: HttpRoute): CompiledRoute {
  if (route.routeKey === '$default') return { route, method: 'ANY', segments: [], rank: '3' }
  const [, method, path] =
    /^(ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/\S*)$/.exec(route.routeKey) ?? []
  if (!method || !path) throw new Error(`Unsupported route key: ${route.routeKey}`)
  const segments = path.slice(1).split('/')
  const greedy = segments.findIndex(isGreedy)
  if (greedy >= 0 && greedy !== segments.length - 1) {
    throw new Error(`A greedy variable must come last: ${route.routeKey}`)
  }
  const kinds = segments.map((segment) => {
    if (isGreedy(segment)) return '2'
    return isVariable(segment) ? '1' : '0'
  })
  return { route, method, segments, rank: `${kinds.join('')}-${method === 'ANY' ? 1 : 0}` }
}

function match(
  { route, segments }: CompiledRoute,
  path: string[],
): Record<string, string> | undefined {
  if (route.routeKey === '$default') return {}
  const parameters: Record<string, string> = {}
  for (const [index, segment] of segments.entries()) {
    const given = path[index]
    if (isGreedy(segment)) {
      const rest = path.slice(index).join('/')
      if (rest === '') return undefined
      parameters[segment.slice(1, -2)] = decodeSegment(rest)
      return parameters
    }
    if (given === undefined) return undefined
    if (isVariable(segment)) {
      if (given === '') return undefined
      parameters[segment.slice(1, -1)] = decodeSegment(given)
    } else if (decodeSegment(given) !== segment) return undefined
  }
  return segments.length === path.length ? parameters : undefined
}

/** A malformed escape stays as it was sent. */
export function decodeSegment(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
