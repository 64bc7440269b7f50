-- What one recipient got and is to get, of each state, the newest first: also of those that nothing is in but a few old ones.

-- +goose Up
DROP INDEX projections.ledger_due;
DROP INDEX projections.ledger_stuck;
CREATE INDEX ledger_state ON projections.ledger (projection, recipient, state, item) WHERE recipient <> '';
