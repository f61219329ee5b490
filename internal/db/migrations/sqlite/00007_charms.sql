-- What charms have and snaps do not: more digests, the files inside that
-- clients read, and images.

-- +goose Up

ALTER TABLE revisions ADD COLUMN sha384 TEXT NOT NULL DEFAULT ''; -- '' for snaps, which nobody asks it of
ALTER TABLE revisions ADD COLUMN sha512 TEXT NOT NULL DEFAULT '';
ALTER TABLE revisions ADD COLUMN texts TEXT NOT NULL DEFAULT '{}'; -- JSON: files of the charm, by what they are

ALTER TABLE resource_revisions ADD COLUMN sha384 TEXT NOT NULL DEFAULT '';
ALTER TABLE resource_revisions ADD COLUMN sha512 TEXT NOT NULL DEFAULT '';
ALTER TABLE resource_revisions ADD COLUMN image TEXT NOT NULL DEFAULT ''; -- sha256:… of an image's manifest
ALTER TABLE resource_revisions ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE resource_revisions ADD COLUMN updated_by TEXT NOT NULL DEFAULT '';
ALTER TABLE resource_revisions ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
