-- API keys: of the secret only its hash is kept. A key that was revoked keeps its row: a service that had keys stays closed.
CREATE TABLE keys (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    -- What the secret begins with, by which its row is found.
    prefix       TEXT NOT NULL UNIQUE,
    -- SHA-256 of the whole secret.
    hash         BLOB NOT NULL CHECK (length(hash) = 32),
    scopes       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;

-- Browsers that have signed in with a key.
CREATE TABLE sessions (
    -- SHA-256 of the cookie's value.
    hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),
    key        TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Who changed what.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    -- The key's id and its name at the time; none where no keys are asked for.
    key     TEXT,
    name    TEXT,
    client  TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    status  INTEGER NOT NULL
) STRICT;

-- Whose a job is, and who stored a network: limits are counted by key.
ALTER TABLE jobs ADD COLUMN key TEXT;
ALTER TABLE networks ADD COLUMN key TEXT;
CREATE INDEX jobs_waiting_by_key ON jobs (key) WHERE state = 'queued' AND key IS NOT NULL;
CREATE INDEX networks_by_key ON networks (key, size_bytes) WHERE key IS NOT NULL;
