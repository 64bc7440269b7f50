-- A projection is a read model's schema ("listing_v1"), the one a rebuild fills beside it ("listing_v1_next"), or a reaction.

-- +goose Up
CREATE TABLE projections.checkpoints (
    projection text PRIMARY KEY,
    -- The last position whose effect is in the tables. It moves in the transaction that writes the effect.
    position   bigint NOT NULL DEFAULT 0,
    -- Grows with every new holder of the lease and every switch after a rebuild; whoever knows an older one is fenced out.
    epoch      bigint NOT NULL DEFAULT 0,
    moved_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE projections.leases (
    projection text PRIMARY KEY,
    holder     text NOT NULL,
    expires_at timestamptz NOT NULL
);

-- The events themselves stay in the event store only.
CREATE TABLE projections.dead_letters (
    projection text NOT NULL,
    position   bigint NOT NULL,
    stream     text NOT NULL,
    revision   bigint NOT NULL,
    event_id   uuid NOT NULL,
    type       text NOT NULL,
    error      text NOT NULL,
    parked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, position)
);
