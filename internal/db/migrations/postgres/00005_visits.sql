-- +goose Up

-- From where a login waits, as what counts as one address. No one address may
-- have them all.
ALTER TABLE visits ADD COLUMN address TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX visits_address ON visits (address, expires_at);
