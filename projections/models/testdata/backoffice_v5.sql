
CREATE TABLE corrections ( -- of the calendar by which cases are due
	revision   bigint PRIMARY KEY, -- of the calendar's stream
	version    text COLLATE "C" NOT NULL, -- what the correction makes
	correction json NOT NULL,
	digest     bytea NOT NULL -- of this one and all before it
);
CREATE TABLE applications (
	provider_id        uuid PRIMARY KEY,
	content_revision   integer NOT NULL,
	profile            json NOT NULL,
	mismatches         text[] NOT NULL,
	certified          json, -- what the profile was compared with; null where the event does not say
	verdict            json NOT NULL, -- the rule book's: its version, findings and measured images
	review             text NOT NULL,
	reasons            json,
	standing           text NOT NULL,
	standing_reason    text NOT NULL,
	pin_limit          integer, -- null is without a limit
	live_revision      integer NOT NULL,
	live_profile       json, -- null when it is the latest
	first_submitted_at timestamptz NOT NULL,
	submitted_at       timestamptz NOT NULL,
	decided_at         timestamptz,
	revision           bigint NOT NULL,
	applied_at         timestamptz NOT NULL,
	uscc               text COLLATE "C" NOT NULL, -- of the latest profile
	text               text COLLATE "C" NOT NULL, -- what a text filter looks in: of the latest profile
	live_text          text COLLATE "C" NOT NULL, -- and of the live one, when that is another
	terms              integer[] NOT NULL, -- by which both texts are found
	revoked            json, -- the approval that was revoked, until the next; null when none was

	due_from      timestamptz NOT NULL, -- what it is counted from: the latest submission, or what made the case pend again
	due_at        timestamptz NOT NULL, -- overdue from this instant on, while it is pending
	due_estimated boolean NOT NULL, -- days of a year were counted that the calendar does not know
	due_calendar  text COLLATE "C" NOT NULL -- the calendar's version by which it was computed last
) WITH (toast_tuple_target = 8160);
CREATE TABLE products (
	id                 uuid PRIMARY KEY,
	provider_id        uuid NOT NULL,
	content_revision   integer NOT NULL,
	content            json NOT NULL,
	verdict            json NOT NULL, -- as of applications
	review             text NOT NULL,
	reasons            json,
	live_revision      integer NOT NULL,
	live_content       json, -- null when it is the latest
	listed             boolean NOT NULL,
	pinned             boolean NOT NULL,
	taken_down         json, -- null when it is not
	taken_down_at      timestamptz,
	created_at         timestamptz NOT NULL,
	first_submitted_at timestamptz NOT NULL,
	submitted_at       timestamptz NOT NULL,
	decided_at         timestamptz,
	revision           bigint NOT NULL,
	text               text COLLATE "C" NOT NULL, -- what a text filter looks in: of the latest content
	terms              integer[] NOT NULL, -- by which it is found
	revoked            json, -- as of applications

	due_from      timestamptz NOT NULL, -- what it is counted from: the latest submission, or what made the case pend again
	due_at        timestamptz NOT NULL, -- overdue from this instant on, while it is pending
	due_estimated boolean NOT NULL, -- days of a year were counted that the calendar does not know
	due_calendar  text COLLATE "C" NOT NULL -- the calendar's version by which it was computed last
) WITH (toast_tuple_target = 8160);
ALTER TABLE applications ALTER terms SET STATISTICS 0;
ALTER TABLE products ALTER terms SET STATISTICS 0;

CREATE INDEX applications_order ON applications (applied_at, provider_id);
CREATE INDEX applications_standing ON applications (standing, applied_at, provider_id);
CREATE INDEX applications_uscc ON applications (uscc, applied_at, provider_id);
CREATE INDEX applications_terms ON applications USING gin (terms) WITH (gin_pending_list_limit = 256);
CREATE INDEX applications_due ON applications (due_at) WHERE review = 'pending'; -- what a correction of the calendar can move
CREATE INDEX products_due ON products (due_at) WHERE review = 'pending';
CREATE INDEX products_owner ON products (provider_id, created_at, id);
CREATE INDEX products_owner_review ON products (provider_id, review, listed, created_at, id);
CREATE INDEX products_owner_mode ON products (provider_id, ((content->>'mode') COLLATE "C"), review, listed, created_at, id);
CREATE INDEX products_terms ON products USING gin (terms) WITH (gin_pending_list_limit = 256);
