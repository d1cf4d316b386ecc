-- Times are microseconds since 1970 in UTC. Columns of unbounded size stand last: a list that leaves them out never reads them.

CREATE TABLE networks (
    id         TEXT    NOT NULL PRIMARY KEY,  -- sha256 of the bytes (and of the chosen output, where one was chosen)
    name       TEXT    NOT NULL,
    format     TEXT    NOT NULL,
    output     TEXT,                          -- the graph output that the client chose
    size_bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    summary    TEXT    NOT NULL CHECK (json_valid(summary)),
    bytes      BLOB    NOT NULL
) STRICT;

CREATE INDEX networks_by_age ON networks (created_at, id);

CREATE TABLE jobs (
    id               TEXT    NOT NULL PRIMARY KEY,  -- UUIDv7: sorts by age
    kind             TEXT    NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    network          TEXT    NOT NULL REFERENCES networks (id),
    priority         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    started_at       INTEGER,
    finished_at      INTEGER,
    attempts         INTEGER NOT NULL DEFAULT 0,
    crashes          INTEGER NOT NULL DEFAULT 0,    -- attempts whose solving process died
    fence            INTEGER NOT NULL DEFAULT 0,    -- grows with every claim; a write that carries an older one is void
    worker           TEXT,
    lease_until      INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    labels           TEXT    NOT NULL CHECK (json_valid(labels)),
    notes            TEXT    NOT NULL CHECK (json_valid(notes)),
    progress         TEXT    CHECK (json_valid(progress)),
    error            TEXT    CHECK (json_valid(error)),
    problem          TEXT    NOT NULL CHECK (json_valid(problem)),
    result           TEXT    CHECK (json_valid(result)),
    log              TEXT,                          -- the end of what the last attempt wrote to its standard error
    CHECK ((state = 'running') = (lease_until IS NOT NULL)),
    CHECK ((state IN ('queued', 'running')) = (finished_at IS NULL))
) STRICT;

-- One index for each combination of filters that a list may carry, each in the order of the list.
CREATE INDEX jobs_by_state              ON jobs (state, id);
CREATE INDEX jobs_by_kind               ON jobs (kind, id);
CREATE INDEX jobs_by_network            ON jobs (network, id);
CREATE INDEX jobs_by_kind_state         ON jobs (kind, state, id);
CREATE INDEX jobs_by_network_state      ON jobs (network, state, id);
CREATE INDEX jobs_by_network_kind       ON jobs (network, kind, id);
CREATE INDEX jobs_by_network_kind_state ON jobs (network, kind, state, id);

-- What workers look for: the next job, and leases that ran out.
CREATE INDEX jobs_to_claim ON jobs (priority DESC, id) WHERE state = 'queued';
CREATE INDEX jobs_by_lease ON jobs (lease_until) WHERE state = 'running';
