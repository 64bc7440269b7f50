-- Which nodes are there, and what they serve, so that nobody drops a table that a node still reads.

-- +goose Up
CREATE TABLE projections.nodes (
    holder      text PRIMARY KEY,
    projections text[] NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
