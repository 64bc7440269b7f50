-- +goose Up

-- What the command line lists, the newest first: of everybody, and of one account.
create index tokens_order on access.tokens (created_at, id);
create index tokens_account on access.tokens (account_id, created_at, id);
drop index access.tokens_account_id;
-- A token by its name, and those that ended long ago.
create index tokens_label on access.tokens (label);
create index tokens_ended on access.tokens (least(expires_at, revoked_at));

create index uploads_order on media.uploads (uploaded_at, digest);
create index uploads_account on media.uploads (account_id, uploaded_at, digest);
