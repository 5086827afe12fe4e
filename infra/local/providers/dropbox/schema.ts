/** What Dropbox keeps beside people and grants. */
export const DROPBOX_SCHEMA = `
CREATE TABLE IF NOT EXISTS entries (
  account_id TEXT NOT NULL, key TEXT NOT NULL, parent_key TEXT NOT NULL, path TEXT NOT NULL,
  deleted INTEGER NOT NULL, change INTEGER NOT NULL, id TEXT UNIQUE, rev TEXT, blob TEXT, size INTEGER,
  content_hash TEXT, client_modified TEXT, server_modified TEXT,
  PRIMARY KEY (account_id, key)
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_parent ON entries (account_id, parent_key, change);
CREATE UNIQUE INDEX IF NOT EXISTS entries_by_change ON entries (change);
CREATE INDEX IF NOT EXISTS entries_by_rev ON entries (rev);
CREATE INDEX IF NOT EXISTS entries_by_blob ON entries (blob);
CREATE TABLE IF NOT EXISTS sessions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL,
  client_id TEXT NOT NULL, blob TEXT NOT NULL, is_concurrent INTEGER NOT NULL,
  received_bytes INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0,
  created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_age ON sessions (created_ms);
CREATE TABLE IF NOT EXISTS pieces (
  session INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, PRIMARY KEY (session, start)
) STRICT;
CREATE TABLE IF NOT EXISTS links (
  token TEXT PRIMARY KEY, account_id TEXT NOT NULL, file_id TEXT NOT NULL, expires_at INTEGER NOT NULL
) STRICT;
`
