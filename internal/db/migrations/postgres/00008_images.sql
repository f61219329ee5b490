-- The images of charms. What they are made of is blobs, as everything is; here is
-- which repository has which, and what its manifests and tags say.

-- +goose Up

-- Whoever may pull from a repository may have the blobs that it has.
CREATE TABLE image_blobs (
    package_id TEXT COLLATE "C"    NOT NULL REFERENCES packages (id),
    resource   TEXT COLLATE "C"    NOT NULL,
    sha256     TEXT COLLATE "C"    NOT NULL, -- hex, as clients name it
    blob       TEXT COLLATE "C"    NOT NULL REFERENCES blobs (sha3_384),
    added_at   BIGINT  NOT NULL, -- the last time that somebody put it here
    PRIMARY KEY (package_id, resource, sha256)
);
CREATE INDEX image_blobs_blob ON image_blobs (blob);

CREATE TABLE image_manifests (
    package_id    TEXT COLLATE "C"    NOT NULL REFERENCES packages (id),
    resource      TEXT COLLATE "C"    NOT NULL,
    digest        TEXT COLLATE "C"    NOT NULL, -- sha256:…
    media_type    TEXT COLLATE "C"    NOT NULL,
    artifact_type TEXT COLLATE "C"    NOT NULL,
    subject       TEXT COLLATE "C"    NOT NULL, -- digest of the manifest that this is about, or ''; it may be missing
    blob          TEXT COLLATE "C"    NOT NULL REFERENCES blobs (sha3_384),
    size          BIGINT  NOT NULL,
    depth         BIGINT  NOT NULL, -- 1 of an image, more of a list
    annotations   TEXT COLLATE "C"    NOT NULL, -- JSON
    pushed_at     BIGINT  NOT NULL,
    pushed_by     TEXT COLLATE "C"    NOT NULL,
    PRIMARY KEY (package_id, resource, digest)
);
CREATE INDEX image_manifests_blob ON image_manifests (blob);
CREATE INDEX image_manifests_subject ON image_manifests (package_id, resource, subject) WHERE subject <> '';

-- What a manifest cannot do without, of the same repository.
CREATE TABLE image_manifest_parts (
    package_id  TEXT COLLATE "C"    NOT NULL,
    resource    TEXT COLLATE "C"    NOT NULL,
    manifest    TEXT COLLATE "C"    NOT NULL,
    digest      TEXT COLLATE "C"    NOT NULL, -- sha256:…
    is_manifest BOOLEAN NOT NULL, -- or else a blob
    PRIMARY KEY (package_id, resource, manifest, digest),
    FOREIGN KEY (package_id, resource, manifest) REFERENCES image_manifests (package_id, resource, digest)
);
CREATE INDEX image_manifest_parts_digest ON image_manifest_parts (package_id, resource, digest);

CREATE TABLE image_tags (
    package_id TEXT COLLATE "C"    NOT NULL,
    resource   TEXT COLLATE "C"    NOT NULL,
    tag        TEXT COLLATE "C"    NOT NULL,
    digest     TEXT COLLATE "C"    NOT NULL,
    updated_at BIGINT  NOT NULL,
    updated_by TEXT COLLATE "C"    NOT NULL,
    PRIMARY KEY (package_id, resource, tag),
    FOREIGN KEY (package_id, resource, digest) REFERENCES image_manifests (package_id, resource, digest)
);
CREATE INDEX image_tags_digest ON image_tags (package_id, resource, digest);

-- Blobs on their way in. Bookkeeping, with their pieces.
CREATE TABLE image_uploads (
    id         TEXT COLLATE "C" PRIMARY KEY,
    package_id TEXT COLLATE "C"    NOT NULL REFERENCES packages (id),
    resource   TEXT COLLATE "C"    NOT NULL,
    actor      TEXT COLLATE "C"    NOT NULL, -- who sends it
    started_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);
CREATE INDEX image_uploads_actor ON image_uploads (actor, updated_at);
CREATE INDEX image_uploads_package ON image_uploads (package_id);

CREATE TABLE image_upload_pieces (
    upload_id TEXT COLLATE "C"    NOT NULL REFERENCES image_uploads (id),
    at_byte   BIGINT  NOT NULL, -- where the piece begins
    blob      TEXT COLLATE "C"    NOT NULL REFERENCES blobs (sha3_384),
    size      BIGINT  NOT NULL,
    PRIMARY KEY (upload_id, at_byte)
);
CREATE INDEX image_upload_pieces_blob ON image_upload_pieces (blob);

-- How often a package's pull credentials were revoked; no row is never.
CREATE TABLE image_pulls (
    package_id TEXT COLLATE "C" PRIMARY KEY REFERENCES packages (id),
    generation BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    updated_by TEXT COLLATE "C"    NOT NULL
);
