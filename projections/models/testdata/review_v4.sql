
CREATE TABLE subjects (
	id       uuid PRIMARY KEY,
	name     text NOT NULL, -- of a provider: as approved, before that as submitted; of a product: as submitted
	approved boolean NOT NULL,
	latest   integer NOT NULL,
	closed   boolean NOT NULL, -- a provider that is closed: nothing of it is decided any more
	revision bigint NOT NULL,
	taken_down json -- of a product: that an operator took it down; null when it stands no more
);
CREATE TABLE submissions (
	kind               text COLLATE "C" NOT NULL,
	subject_id         uuid NOT NULL,
	content_revision   integer NOT NULL,
	state              text COLLATE "C" NOT NULL,
	since              timestamptz NOT NULL, -- it has been in this state; the order of the queue
	name               text NOT NULL,
	provider_id        uuid NOT NULL,
	mismatches         text[] NOT NULL,
	first_submitted_at timestamptz NOT NULL,
	submitted_at       timestamptz NOT NULL,
	decided_at         timestamptz,
	decided_by         uuid,
	reasons            json,
	content            json NOT NULL,
	certified          json, -- what a profile was compared with; null of a product, and where the event does not say
	verdict            json NOT NULL, -- the rule book's: its version, findings and measured images
	place              bigint NOT NULL, -- the gazetteer's entry of a product's destination; 0 is none
	point              json, -- where that destination is, in WGS-84; null as long as no event says so
	PRIMARY KEY (subject_id, content_revision)
) WITH (toast_tuple_target = 8160);

CREATE INDEX submissions_state ON submissions (state, since, subject_id, content_revision);
CREATE INDEX submissions_kind ON submissions (kind, state, since, subject_id, content_revision);
CREATE INDEX submissions_decided ON submissions (since, subject_id, content_revision) WHERE state IN ('approved', 'rejected');
