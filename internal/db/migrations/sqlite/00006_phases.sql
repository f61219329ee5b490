-- How progressive releases go on, and how to find what channels hold without
-- reading all of a package's history.

-- +goose Up

ALTER TABLE releases ADD COLUMN paused BOOLEAN NOT NULL DEFAULT FALSE; -- reaches nobody new
ALTER TABLE releases ADD COLUMN phasing REAL NOT NULL DEFAULT 0; -- what the percentage grows by each day

CREATE INDEX releases_slot ON releases
    (package_id, track, risk, branch, architecture, base_name, base_channel, seq);
CREATE INDEX releases_revision ON releases (package_id, revision);
