-- What devices have installed, counted by the day, and since when a package
-- stands on a shelf.

-- +goose Up

ALTER TABLE package_categories ADD COLUMN since BIGINT NOT NULL DEFAULT 0;

-- One row for each device that had a package on a day. The device is a keyed
-- hash of its serial. Bookkeeping, as are the other tables of usage.
CREATE TABLE usage_devices (
    day          BIGINT NOT NULL, -- since 1970, UTC
    package_id   TEXT COLLATE "C" NOT NULL,
    device       BYTEA   NOT NULL,
    channel      TEXT COLLATE "C" NOT NULL,
    revision     BIGINT NOT NULL,
    architecture TEXT COLLATE "C" NOT NULL,
    os           TEXT COLLATE "C" NOT NULL, -- id/version
    PRIMARY KEY (day, package_id, device)
);

-- What is left of the rows above when they are gone.
CREATE TABLE usage_counts (
    package_id TEXT COLLATE "C" NOT NULL,
    metric     TEXT COLLATE "C" NOT NULL,
    day        BIGINT NOT NULL,
    value      TEXT COLLATE "C" NOT NULL,
    devices    BIGINT NOT NULL,
    PRIMARY KEY (package_id, metric, day, value)
);

-- The days whose counts are final.
CREATE TABLE usage_days (
    day       BIGINT PRIMARY KEY,
    folded_at BIGINT NOT NULL
);
