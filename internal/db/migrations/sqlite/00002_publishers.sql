-- Who publishes here, what they have logged in with, and what they do.

-- +goose Up

-- An account that can log in. Secrets are hashed or sealed under the secret
-- that is not in the database.
CREATE TABLE users (
    account_id           TEXT PRIMARY KEY REFERENCES accounts (id),
    email                TEXT    NOT NULL UNIQUE, -- lower case
    email_verified       BOOLEAN NOT NULL,
    openid               TEXT    NOT NULL UNIQUE, -- random, for clients that know people by it
    role                 TEXT    NOT NULL,
    state                TEXT    NOT NULL,
    password             TEXT    NOT NULL, -- argon2id, '' when there is none
    password_changed_at  INTEGER NOT NULL,
    sessions_valid_after INTEGER NOT NULL, -- older logins count no more
    totp                 BLOB    NOT NULL, -- sealed; empty without second factor
    totp_step            INTEGER NOT NULL, -- the last that was accepted
    recovery             TEXT    NOT NULL, -- JSON, hashes of the unused codes
    agreed_at            INTEGER NOT NULL, -- to the terms
    created_at           INTEGER NOT NULL
) WITHOUT ROWID;

-- What an account proves itself with besides a password.
CREATE TABLE user_keys (
    account_id TEXT    NOT NULL REFERENCES users (account_id),
    kind       TEXT    NOT NULL, -- agent, ssh, or oidc
    key        TEXT    NOT NULL, -- a public key; for oidc the issuer, a blank and the subject
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX user_keys_account ON user_keys (account_id);

-- The keys that tokens are made with, one purpose each. The newest of a purpose
-- that is not retired makes new ones.
CREATE TABLE token_keys (
    id         TEXT PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER NOT NULL -- from then on it proves nothing; 0 is never
) WITHOUT ROWID;

-- One row for each token that proves an account. It holds no secret.
CREATE TABLE sessions (
    id          TEXT PRIMARY KEY,
    kind        TEXT    NOT NULL,
    account_id  TEXT    NOT NULL REFERENCES users (account_id),
    caveat      TEXT    NOT NULL, -- hash of the identity caveat that was discharged, or ''
    client      TEXT    NOT NULL, -- what the client says of itself
    description TEXT    NOT NULL,
    limits      TEXT    NOT NULL, -- JSON, as the client asked for them
    method      TEXT    NOT NULL, -- how the login went
    last_auth   INTEGER NOT NULL,
    valid_since INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL,
    revoked_by  TEXT    NOT NULL,
    last_used   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_account ON sessions (account_id, valid_since);
CREATE UNIQUE INDEX sessions_caveat ON sessions (caveat) WHERE caveat <> '';

-- Failed checks of passwords and codes, counted per account and per address.
CREATE TABLE attempts (
    key        TEXT PRIMARY KEY,
    failures   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    blocked_at INTEGER NOT NULL -- until then nothing is checked
) WITHOUT ROWID;

-- Logins that wait for somebody in a browser.
CREATE TABLE visits (
    id          TEXT PRIMARY KEY, -- hash of the id in the URL
    details     TEXT    NOT NULL, -- JSON
    account_id  TEXT    NOT NULL, -- '' until somebody has approved
    method      TEXT    NOT NULL,
    approved_at INTEGER NOT NULL,
    taken_at    INTEGER NOT NULL, -- when its token was handed out, once
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX visits_expires ON visits (expires_at);

CREATE TABLE collaborators (
    package_id TEXT    NOT NULL REFERENCES packages (id),
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (package_id, account_id)
) WITHOUT ROWID;
CREATE INDEX collaborators_account ON collaborators (account_id);

CREATE TABLE collaborator_invites (
    token       TEXT PRIMARY KEY, -- hash
    package_id  TEXT    NOT NULL REFERENCES packages (id),
    email       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    accepted_by TEXT    NOT NULL,
    revoked_at  INTEGER NOT NULL, -- also when it was rejected
    revoked_by  TEXT    NOT NULL
) WITHOUT ROWID;
CREATE INDEX collaborator_invites_package ON collaborator_invites (package_id, created_at);

CREATE TABLE guardrails (
    package_id TEXT    NOT NULL REFERENCES packages (id),
    pattern    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (package_id, pattern)
) WITHOUT ROWID;

ALTER TABLE tracks ADD COLUMN version_pattern TEXT NOT NULL DEFAULT '';
ALTER TABLE tracks ADD COLUMN phasing REAL NOT NULL DEFAULT 0;

ALTER TABLE stores ADD COLUMN review_policy TEXT NOT NULL DEFAULT '';

CREATE TABLE store_members (
    store_id   TEXT NOT NULL REFERENCES stores (id),
    account_id TEXT NOT NULL REFERENCES accounts (id),
    roles      TEXT NOT NULL, -- JSON: admin, review, view, access
    PRIMARY KEY (store_id, account_id)
) WITHOUT ROWID;
CREATE INDEX store_members_account ON store_members (account_id);

CREATE TABLE store_invites (
    store_id   TEXT    NOT NULL REFERENCES stores (id),
    email      TEXT    NOT NULL,
    roles      TEXT    NOT NULL, -- JSON
    status     TEXT    NOT NULL, -- pending, accepted, revoked
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (store_id, email)
) WITHOUT ROWID;

-- Bytes that somebody has sent, and what became of them. Nobody owns them until
-- a publisher claims them for a package.
CREATE TABLE uploads (
    id         TEXT PRIMARY KEY,
    blob       TEXT    NOT NULL REFERENCES blobs (sha3_384),
    size       INTEGER NOT NULL,
    filename   TEXT    NOT NULL,
    address    TEXT    NOT NULL, -- of whoever sent it
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, -- of what nobody claims
    package_id TEXT    NOT NULL, -- '' until it is claimed
    account_id TEXT    NOT NULL,
    claimed_at INTEGER NOT NULL,
    status     TEXT    NOT NULL,
    revision   INTEGER NOT NULL, -- 0 until it has one
    wanted     TEXT    NOT NULL, -- JSON: what the claim asks for
    problems   TEXT    NOT NULL, -- JSON
    leased_at  INTEGER NOT NULL  -- until then some node works on it
) WITHOUT ROWID;
CREATE INDEX uploads_blob ON uploads (blob);
CREATE INDEX uploads_status ON uploads (status, claimed_at);
CREATE INDEX uploads_package ON uploads (package_id, revision);

-- What was decided about a revision, by whom and why. Append-only.
CREATE TABLE reviews (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    package_id TEXT    NOT NULL,
    revision   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    decision   TEXT    NOT NULL, -- accept, hold, reject
    rule       TEXT    NOT NULL, -- of the policy, or '' for a person's decision
    reason     TEXT    NOT NULL,
    FOREIGN KEY (package_id, revision) REFERENCES revisions (package_id, number)
);
CREATE INDEX reviews_revision ON reviews (package_id, revision, seq);

-- Names that somebody claims although another has them.
CREATE TABLE name_disputes (
    id         TEXT PRIMARY KEY,
    namespace  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    comment    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    decision   TEXT    NOT NULL,
    UNIQUE (namespace, name, account_id)
) WITHOUT ROWID;
