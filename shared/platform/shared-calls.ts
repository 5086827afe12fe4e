/** Whoever asks for a key while a call for it is under way gets the result of that call. */
export type SharedCalls<Value> = (key: string, call: () => Promise<Value>) => Promise<Value>

export function sharedCalls<Value>(): SharedCalls<Value> {
  const underWay = new Map<string, Promise<Value>>()
  return (key, call) => {
    const shared = underWay.get(key) ?? call().finally(() => underWay.delete(key))
    underWay.set(key, shared)
    return shared
  }
}
