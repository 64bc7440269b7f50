// Package reporting is a read model for those who ask in SQL: facts and dimensions, and the views over them that are the promise.
//
// The tables hold instants and the days in which they lie; what depends on the calendar (working time, due times) the views compute from
// the table of days, which is the only one that a correction changes.
package reporting

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

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
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/dues"
)

const schema = "reporting_v1"

// Model is what happened, in rows that are counted: submissions, decisions, revocations, stretches of time on the public list, bookings.
// A row stays when its product is deleted; it holds no content, and no personal data.
var Model = projections.ReadModel{
	Name:   "reporting",
	Schema: schema,
	Applies: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.FirstApproved{}, provider.Rejected{},
		provider.ApprovalRevoked{}, provider.Suspended{}, provider.Reinstated{}, provider.Closed{},
		product.Submitted{}, product.Revised{}, product.PlaceMatched{}, product.Approved{}, product.Rejected{}, product.ApprovalRevoked{},
		product.Listed{}, product.Unlisted{}, product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.Deleted{},
		booking.Requested{}, booking.Replied{}, booking.Closed{},
		calendar.Corrected{},
	),
	PassesOver: projections.TypesOf(
		provider.PinLimitSet{}, booking.Read{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
	),
	DDL: dues.DDL + `
CREATE TABLE progress ( -- one row: what the tables are of
	one      boolean PRIMARY KEY CHECK (one),
	at       timestamptz, -- of the last event; null before the first
	calendar text COLLATE "C" NOT NULL -- the version by which calendar_days is
);
CREATE TABLE calendar_years (year integer PRIMARY KEY); -- in calendar_days: from that of the first event to that after the last
CREATE TABLE calendar_days (
	day                       date PRIMARY KEY,
	starts_at                 timestamptz NOT NULL,
	working                   boolean NOT NULL,
	working_before            integer NOT NULL, -- working days before it, from some day on that is the same for all
	holiday_zh                text NOT NULL, -- the holiday that it is of or makes up for; empty for most
	holiday_en                text NOT NULL,
	product_due_at            timestamptz NOT NULL, -- what is submitted in that day
	product_due_estimated     boolean NOT NULL,
	application_due_at        timestamptz NOT NULL,
	application_due_estimated boolean NOT NULL
);
CREATE TABLE cases ( -- providers and products, with what the next event needs
	id                 uuid PRIMARY KEY,
	kind               text COLLATE "C" NOT NULL,
	provider_id        uuid NOT NULL,
	standing           text COLLATE "C" NOT NULL, -- of a provider; empty of a product, as are its type and names
	provider_type      text COLLATE "C" NOT NULL,
	latest_name        text NOT NULL,
	live_name          text NOT NULL,
	listed             boolean NOT NULL,
	pinned             boolean NOT NULL,
	deleted_at         timestamptz,
	stretches          integer NOT NULL, -- on the public list; the number of the last
	shown              integer NOT NULL, -- the content revision that is on it now; 0 is none
	shown_pinned       boolean NOT NULL,
	latest             integer NOT NULL,
	live               integer NOT NULL, -- 0 is none
	rejections         integer NOT NULL, -- since the last approval
	opened_at          timestamptz, -- the first submission since, or the latest's approval was revoked; null since an approval
	first_submitted_at timestamptz NOT NULL,
	first_decided_at   timestamptz,
	first_outcome      text COLLATE "C" NOT NULL,
	first_approved_at  timestamptz,
	first_listed_at    timestamptz
);
CREATE INDEX cases_provider ON cases (provider_id); -- a rebuild needs it too: what a provider's standing takes off the list
CREATE TABLE revisions (
	subject_id        uuid NOT NULL,
	content_revision  integer NOT NULL,
	round             integer NOT NULL, -- the rejections since the last approval when it was submitted, and one
	submitted_at      timestamptz NOT NULL,
	submitted_day     date NOT NULL,
	opened_at         timestamptz NOT NULL,
	opened_day        date NOT NULL,
	waiting_from      timestamptz NOT NULL, -- it was submitted, or its approval was revoked while it was the latest
	waiting_day       date NOT NULL,
	outcome           text COLLATE "C" NOT NULL,
	ended_at          timestamptz, -- null while it is pending
	ended_day         date,
	first_approver    uuid, -- of two
	first_approved_at timestamptz,
	revocations       integer NOT NULL,
	mode              text COLLATE "C" NOT NULL, -- of a product
	place             uuid, -- of one that was approved
	gazetteer         bigint NOT NULL,
	country           text NOT NULL, -- as typed, until its product is deleted
	city              text NOT NULL,
	PRIMARY KEY (subject_id, content_revision)
);
CREATE TABLE rulings (
	id                uuid PRIMARY KEY, -- the event's
	subject_id        uuid NOT NULL,
	content_revision  integer NOT NULL,
	outcome           text COLLATE "C" NOT NULL,
	reviewer          uuid NOT NULL,
	decided_at        timestamptz NOT NULL,
	decided_day       date NOT NULL,
	waiting_from      timestamptz NOT NULL,
	waiting_day       date NOT NULL,
	opened_at         timestamptz NOT NULL,
	opened_day        date NOT NULL,
	first_approver    uuid,
	first_approved_at timestamptz
);
CREATE TABLE overturns (
	id               uuid PRIMARY KEY, -- the event's
	subject_id       uuid NOT NULL,
	content_revision integer NOT NULL,
	by_account       uuid NOT NULL,
	revoked_at       timestamptz NOT NULL,
	revoked_day      date NOT NULL
);
CREATE TABLE given_reasons ( -- of a rejection or a revocation, each code once
	event  uuid NOT NULL,
	reason text COLLATE "C" NOT NULL,
	PRIMARY KEY (event, reason)
);
CREATE TABLE stretches ( -- on the public list
	product_id       uuid NOT NULL,
	number           integer NOT NULL,
	content_revision integer NOT NULL,
	pinned           boolean NOT NULL,
	from_at          timestamptz NOT NULL,
	from_day         date NOT NULL,
	to_at            timestamptz, -- null while it goes on
	to_day           date,
	PRIMARY KEY (product_id, number)
);
CREATE TABLE inquiries (
	id               uuid PRIMARY KEY,
	product_id       uuid NOT NULL,
	content_revision integer NOT NULL,
	provider_id      uuid NOT NULL,
	enterprise_id    uuid NOT NULL,
	requested_at     timestamptz NOT NULL,
	requested_day    date NOT NULL,
	replied_at       timestamptz, -- first
	replied_day      date,
	closed_at        timestamptz,
	closed_day       date,
	close_reason     text COLLATE "C" NOT NULL
);
CREATE TABLE destinations ( -- of revisions that were approved
	id        uuid PRIMARY KEY,
	gazetteer bigint NOT NULL,
	country   text NOT NULL,
	city      text NOT NULL -- empty without an entry of the gazetteer
);
CREATE TABLE staff (
	id         uuid PRIMARY KEY,
	first_at   timestamptz NOT NULL,
	last_at    timestamptz NOT NULL
);
CREATE TABLE day_counts ( -- what happened in a day; of what is pending or public, by how much it changed
	day  date NOT NULL,
	what text COLLATE "C" NOT NULL,
	n    bigint NOT NULL,
	PRIMARY KEY (day, what)
);`,
	Indexes: `
CREATE INDEX cases_kind ON cases (kind, first_submitted_at);
CREATE INDEX revisions_submitted ON revisions (submitted_day);
CREATE INDEX rulings_decided ON rulings (decided_day);
CREATE INDEX rulings_subject ON rulings (subject_id, content_revision);
CREATE INDEX rulings_reviewer ON rulings (reviewer, decided_day);
CREATE INDEX overturns_revoked ON overturns (revoked_day);
CREATE INDEX given_reasons_reason ON given_reasons (reason);
CREATE INDEX stretches_from ON stretches (from_day);
CREATE INDEX stretches_to ON stretches (to_day);
CREATE INDEX inquiries_requested ON inquiries (requested_day);
CREATE INDEX inquiries_provider ON inquiries (provider_id, requested_day);
CREATE INDEX inquiries_product ON inquiries (product_id, content_revision);`,
	Apply: dues.Folding(apply, corrected),
	Views: &projections.Views{Schema: "reporting", DDL: viewsDDL(), Reader: "waybill_report"},
}

// corrected has the days by the corrected calendar.
func corrected(ctx context.Context, tx pgx.Tx, c dues.Correction) error {
	return apply(ctx, tx, nil, c.After)
}

// apply folds what lies between two corrections of the calendar; without events, it has the days by the calendar.
func apply(ctx context.Context, tx pgx.Tx, events []projections.Event, c *workdays.Calendar) error {
	b := newBatch()
	if err := b.load(ctx, tx, events); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, e := range events {
		if err := b.fold(e); err != nil {
			return e.Wrong(err)
		}
	}
	if err := b.write(ctx, tx, c); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
