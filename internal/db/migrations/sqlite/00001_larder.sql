-- Times are microseconds since 1970 UTC, 0 where unknown or never. Digests are
-- lower-case hex. Columns that hold JSON say so.

-- +goose Up

CREATE TABLE accounts (
    id           TEXT PRIMARY KEY,
    username     TEXT    NOT NULL,
    display_name TEXT    NOT NULL,
    validation   TEXT    NOT NULL,
    created_at   INTEGER NOT NULL
) WITHOUT ROWID;
-- Not unique: accounts of different authorities may share a username.
CREATE INDEX accounts_username ON accounts (username);

CREATE TABLE stores (
    id         TEXT PRIMARY KEY,
    name       TEXT    NOT NULL,
    brand      TEXT    NOT NULL,
    private    BOOLEAN NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- An included store or package may come later than the store that shows it.
CREATE TABLE store_includes (
    store_id    TEXT NOT NULL REFERENCES stores (id),
    included_id TEXT NOT NULL,
    PRIMARY KEY (store_id, included_id)
) WITHOUT ROWID;

CREATE TABLE store_packages (
    store_id   TEXT NOT NULL REFERENCES stores (id),
    package_id TEXT NOT NULL,
    PRIMARY KEY (store_id, package_id)
) WITHOUT ROWID;

CREATE TABLE packages (
    id            TEXT PRIMARY KEY,
    namespace     TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    publisher_id  TEXT    NOT NULL REFERENCES accounts (id),
    store_id      TEXT    NOT NULL,
    private       BOOLEAN NOT NULL,
    unlisted      BOOLEAN NOT NULL,
    default_track TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    listing       TEXT    NOT NULL, -- JSON
    UNIQUE (namespace, name)
);
CREATE INDEX packages_publisher ON packages (publisher_id, namespace, name);
CREATE INDEX packages_store ON packages (store_id, namespace, name);

CREATE TABLE tracks (
    package_id TEXT    NOT NULL REFERENCES packages (id),
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (package_id, name)
) WITHOUT ROWID;

CREATE TABLE categories (
    name TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE package_categories (
    package_id TEXT    NOT NULL REFERENCES packages (id),
    category   TEXT    NOT NULL REFERENCES categories (name),
    featured   BOOLEAN NOT NULL,
    PRIMARY KEY (package_id, category)
) WITHOUT ROWID;
CREATE INDEX package_categories_category ON package_categories (category, package_id);

-- One row per blob; the tables that point here are what keeps it alive.
CREATE TABLE blobs (
    sha3_384       TEXT PRIMARY KEY,
    sha256         TEXT    NOT NULL UNIQUE,
    size           INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    quarantined_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE package_media (
    package_id   TEXT    NOT NULL REFERENCES packages (id),
    position     INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    blob         TEXT    NOT NULL REFERENCES blobs (sha3_384),
    size         INTEGER NOT NULL,
    content_type TEXT    NOT NULL,
    width        INTEGER NOT NULL,
    height       INTEGER NOT NULL,
    PRIMARY KEY (package_id, position)
) WITHOUT ROWID;
CREATE INDEX package_media_blob ON package_media (blob);

CREATE TABLE revisions (
    package_id TEXT    NOT NULL REFERENCES packages (id),
    number     INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    blob       TEXT    NOT NULL REFERENCES blobs (sha3_384),
    sha256     TEXT    NOT NULL,
    size       INTEGER NOT NULL,
    platforms  TEXT    NOT NULL, -- JSON
    provenance TEXT    NOT NULL,
    manifest   TEXT    NOT NULL,
    meta       TEXT    NOT NULL, -- JSON
    PRIMARY KEY (package_id, number)
);
CREATE INDEX revisions_blob ON revisions (blob);

CREATE TABLE resource_revisions (
    package_id  TEXT    NOT NULL REFERENCES packages (id),
    name        TEXT    NOT NULL,
    revision    INTEGER NOT NULL,
    type        TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    description TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    blob        TEXT    NOT NULL REFERENCES blobs (sha3_384),
    sha256      TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    provenance  TEXT    NOT NULL,
    platforms   TEXT    NOT NULL, -- JSON
    PRIMARY KEY (package_id, name, revision)
);
CREATE INDEX resource_revisions_blob ON resource_revisions (blob);

-- Append-only: no statement updates or deletes a release.
CREATE TABLE releases (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    package_id   TEXT    NOT NULL REFERENCES packages (id),
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    track        TEXT    NOT NULL,
    risk         INTEGER NOT NULL, -- 0 stable … 3 edge
    branch       TEXT    NOT NULL,
    architecture TEXT    NOT NULL,
    base_name    TEXT    NOT NULL,
    base_channel TEXT    NOT NULL,
    revision     INTEGER,          -- NULL closes the channel
    percentage   REAL    NOT NULL, -- 0 is everyone
    expires      INTEGER NOT NULL,
    FOREIGN KEY (package_id, revision) REFERENCES revisions (package_id, number)
);
CREATE INDEX releases_package ON releases (package_id, seq);

CREATE TABLE release_resources (
    release_seq INTEGER NOT NULL REFERENCES releases (seq),
    package_id  TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    revision    INTEGER NOT NULL,
    PRIMARY KEY (release_seq, name),
    FOREIGN KEY (package_id, name, revision) REFERENCES resource_revisions (package_id, name, revision)
) WITHOUT ROWID;
CREATE INDEX release_resources_resource ON release_resources (package_id, name, revision);

-- May name packages and revisions that only an upstream store has.
CREATE TABLE overrides (
    package_id   TEXT    NOT NULL,
    track        TEXT    NOT NULL,
    risk         INTEGER NOT NULL,
    branch       TEXT    NOT NULL,
    architecture TEXT    NOT NULL,
    revision     INTEGER NOT NULL,
    reason       TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    expires      INTEGER NOT NULL,
    PRIMARY KEY (package_id, track, risk, branch, architecture)
) WITHOUT ROWID;

CREATE TABLE deltas (
    package_id TEXT    NOT NULL,
    format     TEXT    NOT NULL,
    source     INTEGER NOT NULL,
    target     INTEGER NOT NULL,
    blob       TEXT    NOT NULL REFERENCES blobs (sha3_384),
    size       INTEGER NOT NULL,
    PRIMARY KEY (package_id, format, source, target),
    FOREIGN KEY (package_id, source) REFERENCES revisions (package_id, number),
    FOREIGN KEY (package_id, target) REFERENCES revisions (package_id, number)
) WITHOUT ROWID;
CREATE INDEX deltas_blob ON deltas (blob);

CREATE TABLE assertions (
    type         TEXT    NOT NULL,
    primary_key  TEXT    NOT NULL,
    format       INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    sequence_key TEXT    NOT NULL, -- '' unless the type forms sequences
    sequence     INTEGER NOT NULL,
    authority_id TEXT    NOT NULL,
    sign_key     TEXT    NOT NULL,
    stored_at    INTEGER NOT NULL,
    encoded      BLOB    NOT NULL, -- the exact bytes received
    PRIMARY KEY (type, primary_key, format)
);
CREATE INDEX assertions_sequence ON assertions (type, sequence_key, sequence) WHERE sequence_key <> '';
CREATE INDEX assertions_sign_key ON assertions (sign_key, type, primary_key);

CREATE TABLE trust_anchors (
    account_id TEXT    NOT NULL,
    key_id     TEXT    NOT NULL, -- the SHA3-384 of the public key, as assertions spell it
    origin     TEXT    NOT NULL, -- where the operator got it from
    documents  BLOB    NOT NULL, -- the assertions that make up the anchor
    added_at   INTEGER NOT NULL,
    added_by   TEXT    NOT NULL,
    PRIMARY KEY (account_id, key_id)
) WITHOUT ROWID;

CREATE TABLE signing_keys (
    key_id     TEXT PRIMARY KEY,
    account_id TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    uses       TEXT    NOT NULL, -- JSON
    sealed     BLOB    NOT NULL, -- encrypted; the secret that opens it is not in the database
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value      TEXT    NOT NULL, -- JSON
    updated_at INTEGER NOT NULL,
    updated_by TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE nonces (
    nonce      TEXT PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX nonces_expires ON nonces (expires_at);

CREATE TABLE devices (
    brand      TEXT    NOT NULL,
    model      TEXT    NOT NULL,
    serial     TEXT    NOT NULL,
    store_id   TEXT    NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    session    TEXT    NOT NULL, -- JSON
    PRIMARY KEY (brand, model, serial)
) WITHOUT ROWID;
CREATE INDEX devices_last_seen ON devices (last_seen);

CREATE TABLE changes (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    details TEXT    NOT NULL -- JSON
);
CREATE INDEX changes_subject ON changes (subject, seq);

-- What a package is found by: folded words, one row per package.
CREATE TABLE search_documents (
    document    INTEGER PRIMARY KEY,
    package_id  TEXT NOT NULL UNIQUE REFERENCES packages (id),
    name        TEXT NOT NULL,
    title       TEXT NOT NULL,
    summary     TEXT NOT NULL,
    description TEXT NOT NULL,
    publisher   TEXT NOT NULL,
    common_ids  TEXT NOT NULL
);

CREATE TABLE package_common_ids (
    package_id TEXT NOT NULL REFERENCES packages (id),
    common_id  TEXT NOT NULL,
    PRIMARY KEY (package_id, common_id)
) WITHOUT ROWID;
CREATE INDEX package_common_ids_id ON package_common_ids (common_id);

CREATE VIRTUAL TABLE search_index USING fts5 (
    name, title, summary, description, publisher, common_ids,
    content = 'search_documents', content_rowid = 'document',
    tokenize = "unicode61 remove_diacritics 0", prefix = '2 3'
);

-- +goose StatementBegin
CREATE TRIGGER search_documents_insert AFTER INSERT ON search_documents BEGIN
    INSERT INTO search_index (rowid, name, title, summary, description, publisher, common_ids)
    VALUES (new.document, new.name, new.title, new.summary, new.description, new.publisher, new.common_ids);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_documents_delete AFTER DELETE ON search_documents BEGIN
    INSERT INTO search_index (search_index, rowid, name, title, summary, description, publisher, common_ids)
    VALUES ('delete', old.document, old.name, old.title, old.summary, old.description, old.publisher, old.common_ids);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER search_documents_update AFTER UPDATE ON search_documents BEGIN
    INSERT INTO search_index (search_index, rowid, name, title, summary, description, publisher, common_ids)
    VALUES ('delete', old.document, old.name, old.title, old.summary, old.description, old.publisher, old.common_ids);
    INSERT INTO search_index (rowid, name, title, summary, description, publisher, common_ids)
    VALUES (new.document, new.name, new.title, new.summary, new.description, new.publisher, new.common_ids);
END;
-- +goose StatementEnd
