-- What devices have installed, counted by the day, and since when a package
-- stands on a shelf.

-- +goose Up

ALTER TABLE package_categories ADD COLUMN since INTEGER NOT NULL DEFAULT 0;

-- One row for each device that had a package on a day. The device is a keyed
-- hash of its serial. Bookkeeping, as are the other tables of usage.
CREATE TABLE usage_devices (
    day          INTEGER NOT NULL, -- since 1970, UTC
    package_id   TEXT    NOT NULL,
    device       BLOB    NOT NULL,
    channel      TEXT    NOT NULL,
    revision     INTEGER NOT NULL,
    architecture TEXT    NOT NULL,
    os           TEXT    NOT NULL, -- id/version
    PRIMARY KEY (day, package_id, device)
) WITHOUT ROWID;

-- What is left of the rows above when they are gone.
CREATE TABLE usage_counts (
    package_id TEXT    NOT NULL,
    metric     TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    value      TEXT    NOT NULL,
    devices    INTEGER NOT NULL,
    PRIMARY KEY (package_id, metric, day, value)
) WITHOUT ROWID;

-- The days whose counts are final.
CREATE TABLE usage_days (
    day       INTEGER PRIMARY KEY,
    folded_at INTEGER NOT NULL
);
