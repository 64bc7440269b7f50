-- What reactions that reach the outside owe to whom, and what became of it.

-- +goose Up
ALTER TABLE projections.checkpoints
    -- When a reaction was first set to work; what happened before is not its business if it begins from then.
    ADD COLUMN begun_at timestamptz;

CREATE TABLE projections.ledger (
    projection  text NOT NULL,
    event_id    uuid NOT NULL,
    -- Empty for the event itself: it has been handled, whoever was to be told.
    recipient   text NOT NULL,
    -- Items of one object go out in order.
    object      text NOT NULL,
    item        bigint GENERATED ALWAYS AS IDENTITY,
    stream      text NOT NULL,
    revision    bigint NOT NULL,
    position    bigint NOT NULL,
    type        text NOT NULL,
    state       text NOT NULL CHECK (state IN ('due', 'done', 'given_up', 'skipped')),
    tries       integer NOT NULL DEFAULT 0,
    error       text NOT NULL DEFAULT '',
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at  timestamptz,
    PRIMARY KEY (projection, event_id, recipient)
);
CREATE INDEX ledger_due ON projections.ledger (projection, item) WHERE state = 'due';
CREATE INDEX ledger_object ON projections.ledger (projection, object, item) WHERE state = 'due';
CREATE INDEX ledger_given_up ON projections.ledger (projection, position) WHERE state = 'given_up';
