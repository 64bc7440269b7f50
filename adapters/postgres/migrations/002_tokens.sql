-- +goose Up
create schema if not exists access;

create table access.tokens (
    hash       bytea       primary key,
    id         uuid        not null unique,
    account_id uuid        not null,
    roles      text[]      not null,
    label      text        not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);

create index tokens_account_id on access.tokens (account_id);
