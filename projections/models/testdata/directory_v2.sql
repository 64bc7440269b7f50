
CREATE TABLE accounts (
	id           uuid PRIMARY KEY,
	display_name text NOT NULL,
	enterprise   json, -- null until certified
	uscc         text COLLATE "C" NOT NULL,
	roles        text[] COLLATE "C" NOT NULL, -- the staff roles
	closed       boolean NOT NULL,
	close_reason text NOT NULL,
	opened_at    timestamptz NOT NULL,
	closed_at    timestamptz,
	revision     bigint NOT NULL,
	text         text COLLATE "C" NOT NULL, -- what a text filter looks in
	terms        integer[] NOT NULL -- by which it is found
);
ALTER TABLE accounts ALTER terms SET STATISTICS 0;

CREATE INDEX accounts_order ON accounts (opened_at, id);
CREATE INDEX accounts_closed ON accounts (closed, opened_at, id);
CREATE INDEX accounts_enterprise ON accounts ((NOT closed AND uscc <> ''), opened_at, id);
CREATE INDEX accounts_uscc ON accounts (uscc, opened_at, id) WHERE uscc <> '';
CREATE INDEX accounts_staff ON accounts ((NOT closed AND roles <> '{}'), opened_at, id) WHERE roles <> '{}';
CREATE INDEX accounts_terms ON accounts USING gin (terms) WITH (gin_pending_list_limit = 256);
