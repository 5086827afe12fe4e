import { ProviderDatabase } from '../provider-database.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS accounts (
  account_id TEXT PRIMARY KEY, uid TEXT NOT NULL, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  total_bytes INTEGER, file_bytes INTEGER NOT NULL DEFAULT 0, other_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS consents (
  account_id TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
  PRIMARY KEY (account_id, client_id)
) STRICT;
CREATE TABLE IF NOT EXISTS codes (
  code TEXT PRIMARY KEY, account_id TEXT NOT NULL, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
  scopes TEXT NOT NULL, challenge TEXT, challenge_method TEXT, offline INTEGER NOT NULL,
  expires_at INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS refresh_tokens (
  number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL,
  client_id TEXT NOT NULL, scopes TEXT NOT NULL, needs_secret INTEGER NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS refresh_tokens_by_account ON refresh_tokens (account_id);
CREATE TABLE IF NOT EXISTS access_tokens (
  token TEXT PRIMARY KEY, account_id TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
  refresh_number INTEGER, expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS access_tokens_by_account ON access_tokens (account_id);
CREATE INDEX IF NOT EXISTS access_tokens_by_expiry ON access_tokens (expires_at);
CREATE TABLE IF NOT EXISTS entries (
  account_id TEXT NOT NULL, key TEXT NOT NULL, parent_key TEXT NOT NULL, path TEXT NOT NULL,
  deleted INTEGER NOT NULL, change INTEGER NOT NULL, id TEXT UNIQUE, rev TEXT, blob TEXT, size INTEGER,
  content_hash TEXT, sha256 TEXT, md5 TEXT, client_modified TEXT, server_modified TEXT,
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

export class DropboxDatabase extends ProviderDatabase {
  constructor(dataDir: string) {
    super(dataDir, 'dropbox', SCHEMA)
  }
}
