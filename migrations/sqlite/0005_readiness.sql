-- What `/readyz` writes to, to see whether it can.
CREATE TABLE readiness (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    written_at INTEGER NOT NULL
) STRICT;
INSERT INTO readiness (id, written_at) VALUES (1, 0);

-- Older versions of SQLite say of json_valid(NULL) that it is false, so that their integrity check takes every empty column
-- for damage. The rows stay as they are, and the text of the tables is changed in place
-- (sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes"). The new table above tells other
-- connections to read the tables' text anew; this one does so at the end.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(sql,
        'CHECK (json_valid(progress))', 'CHECK (progress IS NULL OR json_valid(progress))'),
        'CHECK (json_valid(error))', 'CHECK (error IS NULL OR json_valid(error))'),
        'CHECK (json_valid(result))', 'CHECK (result IS NULL OR json_valid(result))')
    WHERE type = 'table' AND name = 'jobs';
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (json_valid(data))', 'CHECK (data IS NULL OR json_valid(data))')
    WHERE type = 'table' AND name = 'events';
PRAGMA writable_schema = RESET;
