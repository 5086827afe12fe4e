/** `places#{portal}`, which `limits/reservations.ts` takes from: what is left of a portal's limits, as its owner reads and sets it. */
import { placesKey } from '../limits/reservations.ts'
import { readItems, type Table, type TransactItem } from '../platform/table.ts'
import type { RemainingLimits } from './portal.ts'

/** By limit: what is left is set anew, or moved together with the limit. */
export type LimitAdjustments = Partial<
  Record<keyof RemainingLimits, { set: number } | { moveBy: number }>
>

export function portalPlaces(table: Table) {
  return {
    /** What is left of the limits of these portals; those without limits are left out. */
    async remainingOf(portalIds: string[]): Promise<Map<string, RemainingLimits>> {
      const items = await readItems(table, portalIds.map(placesKey), { consistent: true })
      return new Map(
        items.map((item) => [String(item['pk']).slice('places#'.length), item as RemainingLimits]),
      )
    },

    /** The write that sets or moves what is left of a portal's limits; undefined when nothing changes. It stands beside the change of the portal, whose condition decides. */
    adjustRemaining(portalId: string, adjust: LimitAdjustments): TransactItem | undefined {
      const clauses: Record<'SET' | 'ADD', string[]> = { SET: [], ADD: [] }
      const values: Record<string, number> = {}
      for (const [name, adjustment] of Object.entries(adjust)) {
        values[`:${name}`] = 'set' in adjustment ? adjustment.set : adjustment.moveBy
        if ('set' in adjustment) clauses.SET.push(`${name} = :${name}`)
        else clauses.ADD.push(`${name} :${name}`)
      }
      const expression = Object.entries(clauses)
        .filter(([, parts]) => parts.length > 0)
        .map(([verb, parts]) => `${verb} ${parts.join(', ')}`)
      if (expression.length === 0) return undefined
      return {
        Update: {
          TableName: table.name,
          Key: placesKey(portalId),
          UpdateExpression: expression.join(' '),
          ExpressionAttributeValues: values,
        },
      }
    },
  }
}
