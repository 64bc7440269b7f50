
CREATE TABLE entries (
	position         bigint PRIMARY KEY,
	kind             text COLLATE "C" NOT NULL,
	subject_id       uuid NOT NULL,
	revision         bigint NOT NULL,
	type             text COLLATE "C" NOT NULL,
	event_id         uuid NOT NULL,
	actor_id         uuid NOT NULL,
	role             text NOT NULL,
	at               timestamptz NOT NULL,
	correlation_id   uuid NOT NULL,
	request_id       text NOT NULL,
	content_revision integer NOT NULL,
	changes          json NOT NULL,
	blanked          boolean NOT NULL,
	reasons          json
) WITH (toast_tuple_target = 8160); -- compressing the larger rows takes longer than all the rest

-- The values that the next event of a stream changes: the "before" of its row.
CREATE TABLE subjects (
	id      uuid NOT NULL,
	kind    text COLLATE "C" NOT NULL,
	state   json NOT NULL,
	content json,
	PRIMARY KEY (id, kind)
) WITH (toast_tuple_target = 8160);

CREATE INDEX entries_subject ON entries (subject_id, position);
CREATE INDEX entries_actor ON entries (actor_id, position);
CREATE INDEX entries_type ON entries (type, position);
CREATE INDEX entries_kind ON entries (kind, position);
CREATE INDEX entries_at ON entries (at, position);
