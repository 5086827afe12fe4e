/** How far each mapping has come in its stream: `<dataDir>/streams.db`. */
import { openStateFile } from '../state-file.ts'

const SCHEMA = `CREATE TABLE IF NOT EXISTS checkpoint (
  streamArn TEXT NOT NULL,
  functionName TEXT NOT NULL,
  position TEXT NOT NULL,
  PRIMARY KEY (streamArn, functionName)
) STRICT`

export interface StreamCheckpoints {
  /** Undefined for a mapping that has not begun. */
  find(streamArn: string, functionName: string): string | undefined
  save(streamArn: string, functionName: string, position: string): void
  close(): void
}

export function openStreamCheckpoints(dataDir: string): StreamCheckpoints {
  const database = openStateFile(dataDir, 'streams.db', SCHEMA)
  const select = database.prepare(
    'SELECT position FROM checkpoint WHERE streamArn = ? AND functionName = ?',
  )
  const upsert = database.prepare('INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)')
  return {
    find: (streamArn, functionName) => {
      const row = select.get(streamArn, functionName) as { position: string } | undefined
      return row?.position
    },
    save: (streamArn, functionName, position) => {
      upsert.run(streamArn, functionName, position)
    },
    close: () => database.close(),
  }
}
