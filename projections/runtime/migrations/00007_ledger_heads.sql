-- Which item of each object is next, so that what can be delivered now is found by an index, however much waits behind it.

-- +goose Up
ALTER TABLE projections.ledger
    -- Whether it is due, and the first of its object that is.
    ADD COLUMN head boolean NOT NULL DEFAULT false;
UPDATE projections.ledger l SET head = true WHERE state = 'due' AND NOT EXISTS (
    SELECT FROM projections.ledger e
    WHERE e.projection = l.projection AND e.object = l.object AND e.state = 'due' AND e.item < l.item);

DROP INDEX projections.ledger_due;
CREATE INDEX ledger_heads ON projections.ledger (projection, recipient, due_at, item) WHERE head;
-- What one recipient got and is to get, the newest first.
CREATE INDEX ledger_recipient ON projections.ledger (projection, recipient, item) WHERE recipient <> '';
CREATE INDEX ledger_settled ON projections.ledger (projection, settled_at) WHERE state IN ('done', 'skipped');
CREATE INDEX ledger_due ON projections.ledger (projection, recipient, item) WHERE state = 'due';
CREATE INDEX ledger_stuck ON projections.ledger (projection, recipient, item) WHERE state = 'given_up';
