/**
 * Writes of different files, in one transaction for those that come at the same time. One whose
 * condition does not hold keeps no other from its own: then each is written alone.
 */
import { inGroups } from '../platform/in-groups.ts'
import { type Table, type TransactItem, TransactionRefused, transact } from '../platform/table.ts'

/** Writes all items of a file or none; throws as `transact` does. */
export type WriteTogether = (items: TransactItem[]) => Promise<void>

/** With three items each fewer than the 100 of a transaction. */
const MOST_FILES = 33

export function writeTogether(table: Table, lingerMs: number): WriteTogether {
  return inGroups<TransactItem[]>(
    { most: MOST_FILES, lingerMs, isOfOne: (error) => error instanceof TransactionRefused },
    (files) => transact(table, files.flat()),
  )
}
