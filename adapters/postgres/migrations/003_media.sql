-- +goose Up
create schema if not exists media;

-- Which store of files belongs to this database: a node that sees another one does not start.
create table media.store (
    one   boolean     primary key default true check (one),
    id    uuid        not null,
    since timestamptz not null,
    -- Whether a node has seen it.
    settled boolean   not null
);

-- One row for each digest that has a file, or had or will have one. Whoever puts a file there or removes it has its row locked meanwhile
-- (docs/decisions/0037).
create table media.blobs (
    digest     text        collate "C" primary key,
    touched_at timestamptz not null
);
create index blobs_touched_at on media.blobs (touched_at);

-- What accounts have uploaded, and for what.
create table media.uploads (
    account_id  uuid        not null,
    digest      text        collate "C" not null references media.blobs,
    purpose     text        collate "C" not null,
    format      text        not null,
    width       integer     not null,
    height      integer     not null,
    bytes       bigint      not null,
    uploaded_at timestamptz not null,
    used_at     timestamptz not null,
    primary key (account_id, digest, purpose)
);
create index uploads_digest on media.uploads (digest);
create index uploads_age on media.uploads (greatest(uploaded_at, used_at));

-- Answers to uploads with an Idempotency-Key, for a day.
create table media.requests (
    id          uuid        primary key,
    fingerprint text        not null,
    account_id  uuid        not null,
    digest      text        collate "C" not null,
    purpose     text        collate "C" not null,
    answer      bytea       not null,
    answered_at timestamptz not null,
    foreign key (account_id, digest, purpose) references media.uploads on delete cascade
);
create index requests_upload on media.requests (account_id, digest, purpose);
create index requests_answered_at on media.requests (answered_at);

-- What accounts have sent in a day of Asia/Shanghai.
create table media.quotas (
    account_id uuid    not null,
    day        date    not null,
    images     integer not null,
    bytes      bigint  not null,
    primary key (account_id, day)
);
create index quotas_day on media.quotas (day);
