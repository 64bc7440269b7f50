-- +goose Up
create table eventstore.events (
    position    bigint                     primary key,
    stream      text        collate "C"    not null,
    revision    bigint                     not null,
    id          uuid                       not null,
    type        text        collate "C"    not null,
    data        bytea                      not null,
    metadata    bytea                      not null,
    recorded_at timestamptz                not null,
    unique (stream, revision)
);

-- A log only grows. Statistics go stale fast on a young table, and a bad plan for a read of the log is costly.
alter table eventstore.events set (
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05
);
