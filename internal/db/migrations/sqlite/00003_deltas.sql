-- +goose Up

-- Who works through the change log, how far that has come, and which process
-- does it until when. Bookkeeping, as are refused_deltas.
CREATE TABLE followers (
    name   TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL,
    holder TEXT NOT NULL, -- '' for nobody
    until  INTEGER NOT NULL
) WITHOUT ROWID;

-- Deltas that were tried and are not worth having, or cannot be made.
CREATE TABLE refused_deltas (
    package_id TEXT NOT NULL,
    format     TEXT NOT NULL,
    source     INTEGER NOT NULL,
    target     INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (package_id, format, source, target),
    FOREIGN KEY (package_id, source) REFERENCES revisions (package_id, number),
    FOREIGN KEY (package_id, target) REFERENCES revisions (package_id, number)
) WITHOUT ROWID;
