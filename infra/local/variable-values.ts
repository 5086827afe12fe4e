/** What the template's functions have in one of their variables. */
export function variableValues(
  functions: { environment: Record<string, string> }[],
  name: string,
): Set<string> {
  return new Set(functions.flatMap(({ environment }) => environment[name] ?? []))
}
