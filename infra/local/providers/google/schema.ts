/** What Drive keeps beside people and grants. */
export const DRIVE_SCHEMA = `
CREATE TABLE IF NOT EXISTS files (
  id TEXT PRIMARY KEY, account_id TEXT NOT NULL, client_id TEXT NOT NULL, parent_id TEXT NOT NULL,
  name TEXT NOT NULL, mime_type TEXT NOT NULL, size INTEGER, md5 TEXT, sha1 TEXT, sha256 TEXT,
  blob TEXT, description TEXT, starred INTEGER NOT NULL, trashed INTEGER NOT NULL,
  explicitly_trashed INTEGER NOT NULL, properties TEXT NOT NULL, app_properties TEXT NOT NULL,
  created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL, revision TEXT, version INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS files_by_parent ON files (account_id, parent_id);
CREATE TABLE IF NOT EXISTS sessions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, upload_id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL,
  client_id TEXT NOT NULL, target TEXT NOT NULL, blob TEXT NOT NULL, total_bytes INTEGER,
  received_bytes INTEGER NOT NULL DEFAULT 0, file_id TEXT, created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_age ON sessions (created_ms);
`
