-- The Python modules that charms offer to others.

-- +goose Up

CREATE TABLE libraries (
    id         TEXT PRIMARY KEY,
    package_id TEXT    NOT NULL REFERENCES packages (id),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL, -- account id
    UNIQUE (package_id, name)
) WITHOUT ROWID;

CREATE TABLE library_revisions (
    library_id TEXT    NOT NULL REFERENCES libraries (id),
    api        INTEGER NOT NULL,
    patch      INTEGER NOT NULL,
    hash       TEXT    NOT NULL, -- as clients compare contents, which is not that of all bytes
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL, -- account id
    content    TEXT    NOT NULL,
    PRIMARY KEY (library_id, api, patch)
);
