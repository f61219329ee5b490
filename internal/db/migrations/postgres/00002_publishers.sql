-- Who publishes here, what they have logged in with, and what they do.

-- +goose Up

-- An account that can log in. Secrets are hashed or sealed under the secret
-- that is not in the database.
CREATE TABLE users (
    account_id           TEXT COLLATE "C" PRIMARY KEY REFERENCES accounts (id),
    email                TEXT COLLATE "C"    NOT NULL UNIQUE, -- lower case
    email_verified       BOOLEAN NOT NULL,
    openid               TEXT COLLATE "C"    NOT NULL UNIQUE, -- random, for clients that know people by it
    role                 TEXT COLLATE "C"    NOT NULL,
    state                TEXT COLLATE "C"    NOT NULL,
    password             TEXT COLLATE "C"    NOT NULL, -- argon2id, '' when there is none
    password_changed_at  BIGINT  NOT NULL,
    sessions_valid_after BIGINT  NOT NULL, -- older logins count no more
    totp                 BYTEA   NOT NULL, -- sealed; empty without second factor
    totp_step            BIGINT  NOT NULL, -- the last that was accepted
    recovery             TEXT COLLATE "C"    NOT NULL, -- JSON, hashes of the unused codes
    agreed_at            BIGINT  NOT NULL, -- to the terms
    created_at           BIGINT  NOT NULL
);

-- What an account proves itself with besides a password.
CREATE TABLE user_keys (
    account_id TEXT COLLATE "C"    NOT NULL REFERENCES users (account_id),
    kind       TEXT COLLATE "C"    NOT NULL, -- agent, ssh, or oidc
    key        TEXT COLLATE "C"    NOT NULL, -- a public key; for oidc the issuer, a blank and the subject
    name       TEXT COLLATE "C"    NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX user_keys_account ON user_keys (account_id);

-- The keys that tokens are made with, one purpose each. The newest of a purpose
-- that is not retired makes new ones.
CREATE TABLE token_keys (
    id         TEXT COLLATE "C" PRIMARY KEY,
    purpose    TEXT COLLATE "C"    NOT NULL,
    sealed     BYTEA   NOT NULL,
    created_at BIGINT  NOT NULL,
    retired_at BIGINT  NOT NULL -- from then on it proves nothing; 0 is never
);

-- One row for each token that proves an account. It holds no secret.
CREATE TABLE sessions (
    id          TEXT COLLATE "C" PRIMARY KEY,
    kind        TEXT COLLATE "C"    NOT NULL,
    account_id  TEXT COLLATE "C"    NOT NULL REFERENCES users (account_id),
    caveat      TEXT COLLATE "C"    NOT NULL, -- hash of the identity caveat that was discharged, or ''
    client      TEXT COLLATE "C"    NOT NULL, -- what the client says of itself
    description TEXT COLLATE "C"    NOT NULL,
    limits      TEXT COLLATE "C"    NOT NULL, -- JSON, as the client asked for them
    method      TEXT COLLATE "C"    NOT NULL, -- how the login went
    last_auth   BIGINT  NOT NULL,
    valid_since BIGINT  NOT NULL,
    valid_until BIGINT  NOT NULL,
    revoked_at  BIGINT  NOT NULL,
    revoked_by  TEXT COLLATE "C"    NOT NULL,
    last_used   BIGINT  NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id, valid_since);
CREATE UNIQUE INDEX sessions_caveat ON sessions (caveat) WHERE caveat <> '';

-- Failed checks of passwords and codes, counted per account and per address.
CREATE TABLE attempts (
    key        TEXT COLLATE "C" PRIMARY KEY,
    failures   BIGINT  NOT NULL,
    last_at    BIGINT  NOT NULL,
    blocked_at BIGINT  NOT NULL -- until then nothing is checked
);

-- Logins that wait for somebody in a browser.
CREATE TABLE visits (
    id          TEXT COLLATE "C" PRIMARY KEY, -- hash of the id in the URL
    details     TEXT COLLATE "C"    NOT NULL, -- JSON
    account_id  TEXT COLLATE "C"    NOT NULL, -- '' until somebody has approved
    method      TEXT COLLATE "C"    NOT NULL,
    approved_at BIGINT  NOT NULL,
    taken_at    BIGINT  NOT NULL, -- when its token was handed out, once
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL
);
CREATE INDEX visits_expires ON visits (expires_at);

CREATE TABLE collaborators (
    package_id TEXT COLLATE "C"    NOT NULL REFERENCES packages (id),
    account_id TEXT COLLATE "C"    NOT NULL REFERENCES accounts (id),
    created_at BIGINT  NOT NULL,
    created_by TEXT COLLATE "C"    NOT NULL,
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (package_id, account_id)
);
CREATE INDEX collaborators_account ON collaborators (account_id);

CREATE TABLE collaborator_invites (
    token       TEXT COLLATE "C" PRIMARY KEY, -- hash
    package_id  TEXT COLLATE "C"    NOT NULL REFERENCES packages (id),
    email       TEXT COLLATE "C"    NOT NULL,
    created_at  BIGINT  NOT NULL,
    created_by  TEXT COLLATE "C"    NOT NULL,
    expires_at  BIGINT  NOT NULL,
    accepted_at BIGINT  NOT NULL,
    accepted_by TEXT COLLATE "C"    NOT NULL,
    revoked_at  BIGINT  NOT NULL, -- also when it was rejected
    revoked_by  TEXT COLLATE "C"    NOT NULL
);
CREATE INDEX collaborator_invites_package ON collaborator_invites (package_id, created_at);

CREATE TABLE guardrails (
    package_id TEXT COLLATE "C"    NOT NULL REFERENCES packages (id),
    pattern    TEXT COLLATE "C"    NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (package_id, pattern)
);

ALTER TABLE tracks ADD COLUMN version_pattern TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE tracks ADD COLUMN phasing DOUBLE PRECISION NOT NULL DEFAULT 0;

ALTER TABLE stores ADD COLUMN review_policy TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE store_members (
    store_id   TEXT COLLATE "C" NOT NULL REFERENCES stores (id),
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    roles      TEXT COLLATE "C" NOT NULL, -- JSON: admin, review, view, access
    PRIMARY KEY (store_id, account_id)
);
CREATE INDEX store_members_account ON store_members (account_id);

CREATE TABLE store_invites (
    store_id   TEXT COLLATE "C"    NOT NULL REFERENCES stores (id),
    email      TEXT COLLATE "C"    NOT NULL,
    roles      TEXT COLLATE "C"    NOT NULL, -- JSON
    status     TEXT COLLATE "C"    NOT NULL, -- pending, accepted, revoked
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL,
    PRIMARY KEY (store_id, email)
);

-- Bytes that somebody has sent, and what became of them. Nobody owns them until
-- a publisher claims them for a package.
CREATE TABLE uploads (
    id         TEXT COLLATE "C" PRIMARY KEY,
    blob       TEXT COLLATE "C"    NOT NULL REFERENCES blobs (sha3_384),
    size       BIGINT  NOT NULL,
    filename   TEXT COLLATE "C"    NOT NULL,
    address    TEXT COLLATE "C"    NOT NULL, -- of whoever sent it
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL, -- of what nobody claims
    package_id TEXT COLLATE "C"    NOT NULL, -- '' until it is claimed
    account_id TEXT COLLATE "C"    NOT NULL,
    claimed_at BIGINT  NOT NULL,
    status     TEXT COLLATE "C"    NOT NULL,
    revision   BIGINT  NOT NULL, -- 0 until it has one
    wanted     TEXT COLLATE "C"    NOT NULL, -- JSON: what the claim asks for
    problems   TEXT COLLATE "C"    NOT NULL, -- JSON
    leased_at  BIGINT  NOT NULL  -- until then some node works on it
);
CREATE INDEX uploads_blob ON uploads (blob);
CREATE INDEX uploads_status ON uploads (status, claimed_at);
CREATE INDEX uploads_package ON uploads (package_id, revision);

-- What was decided about a revision, by whom and why. Append-only.
CREATE TABLE reviews (
    seq        BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    package_id TEXT COLLATE "C"    NOT NULL,
    revision   BIGINT  NOT NULL,
    at         BIGINT  NOT NULL,
    actor      TEXT COLLATE "C"    NOT NULL,
    decision   TEXT COLLATE "C"    NOT NULL, -- accept, hold, reject
    rule       TEXT COLLATE "C"    NOT NULL, -- of the policy, or '' for a person's decision
    reason     TEXT COLLATE "C"    NOT NULL,
    FOREIGN KEY (package_id, revision) REFERENCES revisions (package_id, number)
);
CREATE INDEX reviews_revision ON reviews (package_id, revision, seq);

-- Names that somebody claims although another has them.
CREATE TABLE name_disputes (
    id         TEXT COLLATE "C" PRIMARY KEY,
    namespace  TEXT COLLATE "C"    NOT NULL,
    name       TEXT COLLATE "C"    NOT NULL,
    account_id TEXT COLLATE "C"    NOT NULL REFERENCES accounts (id),
    comment    TEXT COLLATE "C"    NOT NULL,
    created_at BIGINT  NOT NULL,
    decided_at BIGINT  NOT NULL,
    decision   TEXT COLLATE "C"    NOT NULL,
    UNIQUE (namespace, name, account_id)
);
