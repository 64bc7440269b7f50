
CREATE TABLE cases (
	id            uuid PRIMARY KEY, -- a provider's or product's, until the product is deleted
	latest        integer NOT NULL,
	waiting_since timestamptz NOT NULL -- the latest revision was submitted, or its approval was revoked
);
CREATE TABLE decisions (
	subject_id       uuid NOT NULL,
	revision         bigint NOT NULL, -- of the event that says so
	kind             text COLLATE "C" NOT NULL,
	outcome          text COLLATE "C" NOT NULL, -- approved, first_approved, rejected, revoked
	content_revision integer NOT NULL,
	reviewer         uuid NOT NULL,
	waiting_since    timestamptz, -- null of a revocation, which nobody waited for
	decided_at       timestamptz NOT NULL,
	claim            uuid, -- under which it was decided; null without one
	overturned_at    timestamptz, -- of an approval: that it was revoked
	PRIMARY KEY (subject_id, revision)
);
CREATE TABLE claims (
	id         uuid PRIMARY KEY,
	subject_id uuid NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	reviewer   uuid NOT NULL,
	claimed_at timestamptz NOT NULL,
	until      timestamptz NOT NULL,
	ended_at   timestamptz, -- null while it holds the case
	ending     text COLLATE "C" NOT NULL -- decided, handed_back, expired, taken_over; empty while it holds the case
);
CREATE INDEX claims_open ON claims (subject_id) WHERE ended_at IS NULL; -- a rebuild needs it too: it looks them up for every batch

CREATE INDEX decisions_time ON decisions (decided_at);
CREATE INDEX decisions_approved ON decisions (subject_id, content_revision) WHERE outcome IN ('approved', 'first_approved');
CREATE INDEX claims_time ON claims (claimed_at);
CREATE INDEX claims_ended ON claims (ended_at) WHERE ended_at IS NOT NULL;
