// Package review is a read model: the reviewers' queue.
package review

import (
	"fmt"
	"strings"

	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/projections"
	"waybill/projections/dues"
)

const (
	schema = "review_v6"

	// The tables as queries reach them.
	tableSubjects    = schema + ".subjects"
	tableSubmissions = schema + ".submissions"
	tableCases       = schema + ".cases"
	tableClaims      = schema + ".claims"
	tableDueCounts   = schema + ".due_counts"
	tableStateCounts = schema + ".state_counts"
)

// Model is the reviewers' queue: every submitted revision with its decision, until its product is deleted (R41).
var Model = projections.ReadModel{
	Name:   "review",
	Schema: schema,
	Applies: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
		provider.Reinstated{}, provider.Closed{}, provider.PinLimitSet{}, provider.FirstApproved{}, provider.ApprovalRevoked{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
		product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{}, product.Deleted{},
		product.ApprovalRevoked{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		calendar.Corrected{},
	),
	PassesOver: projections.TypesOf(
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
		canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
	),
	DDL: `
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
	-- when it was due when it pended last; while it pends, its case says` + dues.Columns + `,
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
	taken_down       boolean NOT NULL,` + dues.Columns + `
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
);` + dues.DDL,
	Indexes: indexes(),
	Apply:   apply(),
}

// indexes are one for each filter, in the order of its list: pending ones by what is due first, all others by what happened last.
func indexes() string {
	const queue, past = "due_at, due_from, subject_id", "since, subject_id, content_revision"
	var b strings.Builder
	add := func(name, table, columns, where string) {
		fmt.Fprintf(&b, "CREATE INDEX %s ON %s (%s) WHERE %s;\n", name, table, columns, where)
	}
	add("cases_due", "cases", queue+", kind", sqlShown)
	add("cases_kind", "cases", "kind, "+queue, sqlShown)
	add("cases_since", "cases", "kind, due_from, due_at", sqlShown)
	add("cases_type", "cases", "provider_type, "+queue, sqlShown)
	add("cases_submitter", "cases", "submitted_by, "+queue, sqlShown)
	add("submissions_state", "submissions", "state, "+past, sqlPast)
	add("submissions_kind", "submissions", "kind, state, "+past, sqlPast)
	add("submissions_decided", "submissions", past, "state IN "+sqlDecided)
	add("submissions_type", "submissions", "provider_type, state, "+past, sqlPast)
	add("submissions_decided_type", "submissions", "provider_type, "+past, "state IN "+sqlDecided)
	add("submissions_submitter", "submissions", "submitted_by, "+past, sqlPast)
	add("submissions_late", "submissions", past, sqlPast+" AND "+sqlLate)
	for _, f := range flags {
		if f.open != "" {
			add("cases_"+string(f.name), "cases", queue+", kind", sqlShown+" AND "+f.open)
		}
		if f.past != "" {
			add("submissions_"+string(f.name), "submissions", past, sqlPast+" AND "+f.past)
		}
	}
	b.WriteString("CREATE INDEX claims_until ON claims (until, case_id);\nCREATE INDEX claims_claim ON claims (claim);")
	return b.String()
}
