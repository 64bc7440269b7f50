-- +goose Up

-- What deliveries to webhooks are signed with. The log has only the ids.
create table access.webhook_secrets (
    id         uuid        primary key,
    hook       uuid        not null,
    secret     text        collate "C" not null,
    created_at timestamptz not null
);
create index webhook_secrets_hook on access.webhook_secrets (hook);
