-- What a job is found by: the network's name, the job's id and kind, and its labels. One row a job, in the order of the jobs.
CREATE TABLE texts (
    id    INTEGER PRIMARY KEY,
    job   TEXT    NOT NULL UNIQUE REFERENCES jobs (id) ON DELETE CASCADE,
    words TEXT    NOT NULL
) STRICT;

-- The index of its words; lists look for the beginnings of words.
CREATE VIRTUAL TABLE job_search USING fts5 (
    words, content = 'texts', content_rowid = 'id', prefix = '1 2 3 4', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER texts_inserted AFTER INSERT ON texts BEGIN
    INSERT INTO job_search (rowid, words) VALUES (new.id, new.words);
END;

CREATE TRIGGER texts_deleted AFTER DELETE ON texts BEGIN
    INSERT INTO job_search (job_search, rowid, words) VALUES ('delete', old.id, old.words);
END;

CREATE TRIGGER jobs_inserted AFTER INSERT ON jobs BEGIN
    INSERT INTO texts (job, words)
    SELECT new.id, networks.name || ' ' || new.id || ' ' || new.kind || ' ' || new.labels
    FROM networks WHERE networks.id = new.network;
END;

INSERT INTO texts (job, words)
SELECT jobs.id, networks.name || ' ' || jobs.id || ' ' || jobs.kind || ' ' || jobs.labels
FROM jobs JOIN networks ON networks.id = jobs.network ORDER BY jobs.id;
