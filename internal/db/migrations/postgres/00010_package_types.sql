-- Which registered names of the charms' namespace are for bundles.

-- +goose Up

ALTER TABLE packages ADD COLUMN type TEXT COLLATE "C" NOT NULL DEFAULT ''; -- charm or bundle; '' for snaps
