-- The event at the checkpoint, so that a projector can tell when it is given another log, or an older copy of its own.

-- +goose Up
ALTER TABLE projections.checkpoints ADD COLUMN stream text, ADD COLUMN revision bigint, ADD COLUMN event_id uuid;
