-- The streams that are parked, of those that a batch has; and what was given up, by its place and by its stream.

-- +goose Up
CREATE INDEX dead_letters_stream ON projections.dead_letters (projection, stream, position);
DROP INDEX projections.ledger_given_up;
CREATE INDEX ledger_given_up ON projections.ledger (projection, position, recipient) WHERE state = 'given_up';
CREATE INDEX ledger_given_up_stream ON projections.ledger (projection, stream, position) WHERE state = 'given_up';
