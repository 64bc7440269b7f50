
CREATE TABLE subjects (
	id            uuid PRIMARY KEY,
	name          text NOT NULL, -- of a provider: as approved, before that as submitted; of a product: as submitted
	provider_type text COLLATE "C" NOT NULL, -- of a provider: as its name; empty of a product
	live          integer NOT NULL, -- the content revision that is approved; 0 is none
	latest        integer NOT NULL,
	rejections    integer NOT NULL, -- since the last approval
	closed        boolean NOT NULL, -- a provider that is closed: nothing of it is decided any more
	revision      bigint NOT NULL,
	taken_down    json -- of a product: that an operator took it down; null when it stands no more
);
CREATE TABLE submissions (
	kind               text COLLATE "C" NOT NULL,
	subject_id         uuid NOT NULL,
	content_revision   integer NOT NULL,
	state              text COLLATE "C" NOT NULL,
	since              timestamptz NOT NULL, -- it has been in this state; the order of what is not pending
	name               text NOT NULL,
	provider_id        uuid NOT NULL,
	submitted_by       uuid NOT NULL,
	mismatches         text[] NOT NULL,
	finding            boolean NOT NULL, -- the rule book found something
	round              integer NOT NULL, -- the rejections since the last approval when it was submitted, and one
	first_submitted_at timestamptz NOT NULL,
	submitted_at       timestamptz NOT NULL,
	decided_at         timestamptz,
	decided_by         uuid,
	reasons            json,
	note               text NOT NULL, -- the decision's, among colleagues
	provider_type      text COLLATE "C" NOT NULL, -- as its provider's case has it, whatever it was then
	first_approval     json, -- the first of two approvals of this revision
	revocation         json, -- of the approval of this revision, or what the wait in which it was submitted began with
	-- when it was due when it pended last; while it pends, its case says
	due_from      timestamptz NOT NULL, -- what it is counted from: the latest submission, or what made the case pend again
	due_at        timestamptz NOT NULL, -- overdue from this instant on, while it is pending
	due_estimated boolean NOT NULL, -- days of a year were counted that the calendar does not know
	due_calendar  text COLLATE "C" NOT NULL -- the calendar's version by which it was computed last
,
	content            json NOT NULL,
	certified          json, -- what a profile was compared with; null of a product, and where the event does not say
	verdict            json NOT NULL, -- the rule book's: its version, findings and measured images
	place              bigint NOT NULL, -- the gazetteer's entry of a product's destination; 0 is none
	point              json, -- where that destination is, in WGS-84; null as long as no event says so
	PRIMARY KEY (subject_id, content_revision)
) WITH (toast_tuple_target = 8160);
CREATE INDEX submissions_provider ON submissions (provider_id, since, subject_id, content_revision); -- a rebuild needs it too
CREATE TABLE cases ( -- what awaits a decision: the latest submission of a subject, narrow, for the queue to walk
	subject_id       uuid PRIMARY KEY,
	kind             text COLLATE "C" NOT NULL,
	content_revision integer NOT NULL,
	provider_id      uuid NOT NULL,
	provider_type    text COLLATE "C" NOT NULL,
	submitted_by     uuid NOT NULL,
	withheld         boolean NOT NULL, -- of a closed provider: nobody can decide it
	mismatch         boolean NOT NULL,
	finding          boolean NOT NULL,
	resubmitted      boolean NOT NULL,
	first_approved   boolean NOT NULL,
	revoked          boolean NOT NULL,
	taken_down       boolean NOT NULL,
	due_from      timestamptz NOT NULL, -- what it is counted from: the latest submission, or what made the case pend again
	due_at        timestamptz NOT NULL, -- overdue from this instant on, while it is pending
	due_estimated boolean NOT NULL, -- days of a year were counted that the calendar does not know
	due_calendar  text COLLATE "C" NOT NULL -- the calendar's version by which it was computed last

);
CREATE INDEX cases_provider ON cases (provider_id, due_at, due_from, subject_id); -- a rebuild needs it too: what a provider's end withholds
CREATE TABLE claims ( -- those that nobody ended; whether their time is over, the clock says
	case_id    uuid PRIMARY KEY,
	kind       text COLLATE "C" NOT NULL,
	claim      uuid NOT NULL,
	reviewer   uuid NOT NULL,
	claimed_at timestamptz NOT NULL,
	until      timestamptz NOT NULL
);
CREATE TABLE due_counts ( -- the cases that are not withheld
	kind   text COLLATE "C" NOT NULL,
	due_at timestamptz NOT NULL,
	n      bigint NOT NULL,
	PRIMARY KEY (kind, due_at)
);
CREATE TABLE state_counts ( -- the submissions
	kind  text COLLATE "C" NOT NULL,
	state text COLLATE "C" NOT NULL,
	n     bigint NOT NULL,
	PRIMARY KEY (kind, state)
);
CREATE TABLE corrections ( -- of the calendar by which cases are due
	revision   bigint PRIMARY KEY, -- of the calendar's stream
	version    text COLLATE "C" NOT NULL, -- what the correction makes
	correction json NOT NULL,
	digest     bytea NOT NULL -- of this one and all before it
);
CREATE INDEX cases_due ON cases (due_at, due_from, subject_id, kind) WHERE NOT withheld;
CREATE INDEX cases_kind ON cases (kind, due_at, due_from, subject_id) WHERE NOT withheld;
CREATE INDEX cases_since ON cases (kind, due_from, due_at) WHERE NOT withheld;
CREATE INDEX cases_type ON cases (provider_type, due_at, due_from, subject_id) WHERE NOT withheld;
CREATE INDEX cases_submitter ON cases (submitted_by, due_at, due_from, subject_id) WHERE NOT withheld;
CREATE INDEX submissions_state ON submissions (state, since, subject_id, content_revision) WHERE state <> 'pending';
CREATE INDEX submissions_kind ON submissions (kind, state, since, subject_id, content_revision) WHERE state <> 'pending';
CREATE INDEX submissions_decided ON submissions (since, subject_id, content_revision) WHERE state IN ('approved', 'rejected');
CREATE INDEX submissions_type ON submissions (provider_type, state, since, subject_id, content_revision) WHERE state <> 'pending';
CREATE INDEX submissions_decided_type ON submissions (provider_type, since, subject_id, content_revision) WHERE state IN ('approved', 'rejected');
CREATE INDEX submissions_submitter ON submissions (submitted_by, since, subject_id, content_revision) WHERE state <> 'pending';
CREATE INDEX submissions_late ON submissions (since, subject_id, content_revision) WHERE state <> 'pending' AND decided_at >= due_at;
CREATE INDEX cases_mismatch ON cases (due_at, due_from, subject_id, kind) WHERE NOT withheld AND mismatch;
CREATE INDEX submissions_mismatch ON submissions (since, subject_id, content_revision) WHERE state <> 'pending' AND cardinality(mismatches) > 0;
CREATE INDEX cases_finding ON cases (due_at, due_from, subject_id, kind) WHERE NOT withheld AND finding;
CREATE INDEX submissions_finding ON submissions (since, subject_id, content_revision) WHERE state <> 'pending' AND finding;
CREATE INDEX cases_resubmitted ON cases (due_at, due_from, subject_id, kind) WHERE NOT withheld AND resubmitted;
CREATE INDEX submissions_resubmitted ON submissions (since, subject_id, content_revision) WHERE state <> 'pending' AND round > 1;
CREATE INDEX cases_first_approved ON cases (due_at, due_from, subject_id, kind) WHERE NOT withheld AND first_approved;
CREATE INDEX submissions_first_approved ON submissions (since, subject_id, content_revision) WHERE state <> 'pending' AND first_approval IS NOT NULL;
CREATE INDEX cases_revoked ON cases (due_at, due_from, subject_id, kind) WHERE NOT withheld AND revoked;
CREATE INDEX submissions_revoked ON submissions (since, subject_id, content_revision) WHERE state <> 'pending' AND revocation IS NOT NULL;
CREATE INDEX cases_taken_down ON cases (due_at, due_from, subject_id, kind) WHERE NOT withheld AND taken_down;
CREATE INDEX claims_until ON claims (until, case_id);
CREATE INDEX claims_claim ON claims (claim);
