package history

const ddl = `
CREATE TABLE entries (
	position         bigint PRIMARY KEY,
	class            bigint NOT NULL, -- of classes
	kind             text COLLATE "C" NOT NULL,
	subject_id       uuid NOT NULL,
	revision         bigint NOT NULL,
	type             text COLLATE "C" NOT NULL,
	event_id         uuid NOT NULL,
	actor_id         uuid NOT NULL,
	role             text COLLATE "C" NOT NULL,
	at               timestamptz NOT NULL,
	correlation_id   uuid NOT NULL,
	request_id       text COLLATE "C" NOT NULL,
	provider_id      uuid, -- whose it is
	content_revision integer NOT NULL,
	changes          json NOT NULL,
	blanked          boolean NOT NULL,
	reasons          json
) WITH (toast_tuple_target = 8160); -- compressing the larger rows takes longer than all the rest

-- The kinds of events by their roles, so that one index serves every choice of kinds, types, decisions and roles.
CREATE TABLE classes (
	id   bigint PRIMARY KEY, -- a hash of the others
	kind text COLLATE "C" NOT NULL,
	type text COLLATE "C" NOT NULL,
	role text COLLATE "C" NOT NULL,
	UNIQUE (type, role, kind)
);

-- The reason codes of entries.
CREATE TABLE codes (
	position    bigint NOT NULL,
	code        text COLLATE "C" NOT NULL,
	class       bigint NOT NULL,
	provider_id uuid,
	actor_id    uuid NOT NULL,
	PRIMARY KEY (position, code)
);

-- Between which positions the events of each minute, hour and day lie (spans.go).
CREATE TABLE spans (
	size   integer NOT NULL, -- seconds
	begins bigint NOT NULL,  -- seconds since 1970
	first  bigint NOT NULL,
	last   bigint NOT NULL,
	PRIMARY KEY (size, begins)
) WITH (fillfactor = 50);

-- What people typed, folded, and the terms by which it is found, which are those of its day (texts.go). What is deleted has no row.
CREATE TABLE texts (
	position bigint PRIMARY KEY,
	day      integer NOT NULL, -- by the event's own time
	text     text COLLATE "C" NOT NULL,
	terms    integer[] NOT NULL
);
ALTER TABLE texts ALTER terms SET STATISTICS 0;

-- The providers of products: of claims on them, too.
CREATE TABLE owners (
	id          uuid PRIMARY KEY,
	provider_id uuid NOT NULL
);

-- The values that the next event of a stream changes: the "before" of its row.
CREATE TABLE subjects (
	id      uuid NOT NULL,
	kind    text COLLATE "C" NOT NULL,
	state   json NOT NULL,
	content json,
	PRIMARY KEY (id, kind)
) WITH (toast_tuple_target = 8160);`

const indexes = `
CREATE INDEX entries_subject ON entries (subject_id, class, position);
CREATE INDEX entries_actor ON entries (actor_id, class, position);
CREATE INDEX entries_provider ON entries (provider_id, class, position) WHERE provider_id IS NOT NULL;
CREATE INDEX entries_provider_actor ON entries (provider_id, actor_id, position) WHERE provider_id IS NOT NULL;
CREATE INDEX entries_class ON entries (class, position);
CREATE INDEX entries_event ON entries (event_id);
CREATE INDEX entries_correlation ON entries (correlation_id, position);
CREATE INDEX entries_request ON entries (request_id, position);
CREATE INDEX codes_class ON codes (code, class, position);
CREATE INDEX codes_provider ON codes (provider_id, code, position) WHERE provider_id IS NOT NULL;
CREATE INDEX codes_actor ON codes (actor_id, code, position);
CREATE INDEX texts_terms ON texts USING gin (terms) WITH (gin_pending_list_limit = 256);`
