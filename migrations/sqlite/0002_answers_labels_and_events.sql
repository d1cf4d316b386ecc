-- A deleted network keeps its row, without its file, for as long as a job shows its name.
ALTER TABLE networks ADD COLUMN deleted_at INTEGER;

-- The question's canonical hash (network, question, engine version), and the job whose answer was taken over.
ALTER TABLE jobs ADD COLUMN question TEXT;
ALTER TABLE jobs ADD COLUMN cached_from TEXT;
CREATE INDEX jobs_with_answers ON jobs (question, id) WHERE state = 'succeeded' AND cached_from IS NULL;
CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE labels (
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    job   TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    PRIMARY KEY (name, value, job)
) STRICT, WITHOUT ROWID;
CREATE INDEX labels_of_job ON labels (job);
INSERT INTO labels (name, value, job) SELECT entry.key, entry.value, jobs.id FROM jobs, json_each(jobs.labels) AS entry;

CREATE TABLE idempotency_keys (
    key        TEXT    NOT NULL PRIMARY KEY,
    body       TEXT    NOT NULL,  -- the hash of the request's body
    job        TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_of_job ON idempotency_keys (job);

-- What happened to jobs, in the order in which it did. Ids are never used twice, so that a listener can resume.
CREATE TABLE events (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    job  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('state', 'progress', 'tier', 'result')),
    data TEXT CHECK (json_valid(data))  -- empty for `result`, which the job's row holds
) STRICT;
CREATE INDEX events_of_job ON events (job, id);
CREATE INDEX events_of_job_by_kind ON events (job, kind, id);
