-- +goose Up

-- Who works through the change log, how far that has come, and which process
-- does it until when. Bookkeeping, as are refused_deltas.
CREATE TABLE followers (
    name   TEXT COLLATE "C" PRIMARY KEY,
    seq    BIGINT NOT NULL,
    holder TEXT COLLATE "C" NOT NULL, -- '' for nobody
    until  BIGINT NOT NULL
);

-- Deltas that were tried and are not worth having, or cannot be made.
CREATE TABLE refused_deltas (
    package_id TEXT COLLATE "C" NOT NULL,
    format     TEXT COLLATE "C" NOT NULL,
    source     BIGINT NOT NULL,
    target     BIGINT NOT NULL,
    reason     TEXT COLLATE "C" NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (package_id, format, source, target),
    FOREIGN KEY (package_id, source) REFERENCES revisions (package_id, number),
    FOREIGN KEY (package_id, target) REFERENCES revisions (package_id, number)
);
