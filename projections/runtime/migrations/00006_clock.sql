-- How far each job of the clock is: the last moment that was done, or passed over. An epoch fences as that of a checkpoint does.

-- +goose Up
CREATE TABLE projections.clock (
    job      text PRIMARY KEY,
    done     timestamptz NOT NULL,
    epoch    bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
