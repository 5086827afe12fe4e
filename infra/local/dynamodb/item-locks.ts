/** Items that a running transaction writes. DynamoDB lets nothing else write them meanwhile. */
export class ItemLocks {
  readonly #held = new Set<string>()

  isHeld(item: string | undefined): boolean {
    return item !== undefined && this.#held.has(item)
  }

  /** Holds items that nobody holds; returns what releases them. */
  hold(items: readonly (string | undefined)[]): () => void {
    const taken = items.filter((it) => it !== undefined)
    for (const item of taken) this.#held.add(item)
    return () => {
      for (const item of taken) this.#held.delete(item)
    }
  }
}
