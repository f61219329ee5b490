-- The Python modules that charms offer to others.

-- +goose Up

CREATE TABLE libraries (
    id         TEXT COLLATE "C" PRIMARY KEY,
    package_id TEXT COLLATE "C" NOT NULL REFERENCES packages (id),
    name       TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL, -- account id
    UNIQUE (package_id, name)
);

CREATE TABLE library_revisions (
    library_id TEXT COLLATE "C" NOT NULL REFERENCES libraries (id),
    api        BIGINT NOT NULL,
    patch      BIGINT NOT NULL,
    hash       TEXT COLLATE "C" NOT NULL, -- as clients compare contents, which is not that of all bytes
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL, -- account id
    content    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (library_id, api, patch)
);
