-- Jobs of one request share its id; within a batch they are in the order of their own ids.
ALTER TABLE jobs ADD COLUMN batch TEXT;
CREATE INDEX jobs_by_batch ON jobs (batch, id) WHERE batch IS NOT NULL;
