-- What the binaries of this log know, each word recorded before the first event that uses it: which streams are ours on a
-- server that others use too, and whether what a binary does not know is known to another.

-- +goose Up
CREATE TABLE projections.vocabulary (
    kind        text NOT NULL CHECK (kind IN ('category', 'type')),
    name        text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, name)
);
