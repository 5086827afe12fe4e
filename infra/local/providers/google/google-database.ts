import { ProviderDatabase } from '../provider-database.ts'

const SCHEMA = `
CREATE TABLE IF NOT EXISTS accounts (
  sub TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, root_id TEXT NOT NULL,
  total_bytes INTEGER, drive_bytes INTEGER NOT NULL DEFAULT 0, other_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS consents (
  sub TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL, offline INTEGER NOT NULL,
  PRIMARY KEY (sub, client_id)
) STRICT;
CREATE TABLE IF NOT EXISTS codes (
  code TEXT PRIMARY KEY, sub TEXT NOT NULL, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
  scopes TEXT NOT NULL, nonce TEXT, challenge TEXT, challenge_method TEXT,
  with_refresh INTEGER NOT NULL, expires_at INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS access_tokens (
  token TEXT PRIMARY KEY, sub TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS access_tokens_by_sub ON access_tokens (sub);
CREATE INDEX IF NOT EXISTS access_tokens_by_expiry ON access_tokens (expires_at);
CREATE TABLE IF NOT EXISTS refresh_tokens (
  number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, sub TEXT NOT NULL,
  client_id TEXT NOT NULL, scopes TEXT NOT NULL, last_used_at INTEGER NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS refresh_tokens_by_grant ON refresh_tokens (sub, client_id, revoked);
CREATE TABLE IF NOT EXISTS files (
  id TEXT PRIMARY KEY, sub TEXT NOT NULL, client_id TEXT NOT NULL, parent_id TEXT NOT NULL,
  name TEXT NOT NULL, mime_type TEXT NOT NULL, size INTEGER, md5 TEXT, sha1 TEXT, sha256 TEXT,
  blob TEXT, description TEXT, starred INTEGER NOT NULL, trashed INTEGER NOT NULL,
  explicitly_trashed INTEGER NOT NULL, properties TEXT NOT NULL, app_properties TEXT NOT NULL,
  created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL, revision TEXT, version INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS files_by_parent ON files (sub, parent_id);
CREATE TABLE IF NOT EXISTS sessions (
  number INTEGER PRIMARY KEY AUTOINCREMENT, upload_id TEXT NOT NULL UNIQUE, sub TEXT NOT NULL,
  client_id TEXT NOT NULL, target TEXT NOT NULL, blob TEXT NOT NULL, total_bytes INTEGER,
  received_bytes INTEGER NOT NULL DEFAULT 0, file_id TEXT, created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_age ON sessions (created_ms);
`

export class GoogleDatabase extends ProviderDatabase {
  constructor(dataDir: string) {
    super(dataDir, 'google', SCHEMA)
  }
}
