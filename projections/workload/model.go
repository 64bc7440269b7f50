// Package workload is a read model: what each reviewer claimed and decided, how long it took, and what became of it.
package workload

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
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
)

const (
	schema = "workload_v1"

	// The tables as queries reach them.
	tableDecisions = schema + ".decisions"
	tableClaims    = schema + ".claims"
)

// Model is one row for each decision of a reviewer and one for each claim, for good: that a product is deleted takes away nothing that
// somebody did. It keeps instants; how much of the time between them was working time is asked of the calendar when it is shown.
var Model = projections.ReadModel{
	Name:   "workload",
	Schema: schema,
	Applies: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.FirstApproved{}, provider.Rejected{},
		provider.ApprovalRevoked{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.ApprovalRevoked{}, product.Deleted{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
	),
	PassesOver: projections.TypesOf(
		provider.Suspended{}, provider.Reinstated{}, provider.Closed{}, provider.PinLimitSet{},
		product.Listed{}, product.Unlisted{}, product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{},
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
		calendar.Corrected{}, canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
	),
	DDL: `
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
CREATE INDEX claims_open ON claims (subject_id) WHERE ended_at IS NULL; -- a rebuild needs it too: it looks them up for every batch`,
	Indexes: `
CREATE INDEX decisions_time ON decisions (decided_at);
CREATE INDEX decisions_approved ON decisions (subject_id, content_revision) WHERE outcome IN ` + sqlApproved + `;
CREATE INDEX claims_time ON claims (claimed_at);
CREATE INDEX claims_ended ON claims (ended_at) WHERE ended_at IS NOT NULL;`,
	Apply: apply,
}

// Outcomes of a decision, as the table has them.
const (
	approved      = "approved"
	firstApproved = "first_approved"
	rejected      = "rejected"
	revoked       = "revoked"

	sqlApproved = `('` + approved + `', '` + firstApproved + `')`
)

// Endings of a claim, as the table has them.
const (
	decided    = "decided"
	handedBack = "handed_back"
	expired    = "expired"
	takenOver  = "taken_over"
)

// caseRow is a provider or product, with its latest submission: the only one that is decided.
type caseRow struct {
	ID           uuid.UUID
	Latest       domain.ContentRevision
	WaitingSince time.Time
	deleted      bool
}

type decisionRow struct {
	subject      uuid.UUID
	revision     domain.Revision
	kind         string
	outcome      string
	content      domain.ContentRevision
	reviewer     uuid.UUID
	waitingSince *time.Time
	decidedAt    time.Time
	claim        *uuid.UUID
	overturnedAt *time.Time
}

// overturn is a revocation of what an earlier batch approved.
type overturn struct {
	subject uuid.UUID
	content domain.ContentRevision
	at      time.Time
}

type claimRow struct {
	ID        uuid.UUID
	SubjectID uuid.UUID
	Kind      string
	Reviewer  uuid.UUID
	ClaimedAt time.Time
	Until     time.Time
	EndedAt   *time.Time
	Ending    string
}

// batch is what the events of one Apply touch.
type batch struct {
	cases     map[uuid.UUID]*caseRow
	open      map[uuid.UUID]*claimRow // by case
	claims    []*claimRow             // all that were open, or are new
	decisions []*decisionRow
	overturns []overturn
}

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	b := batch{cases: map[uuid.UUID]*caseRow{}, open: map[uuid.UUID]*claimRow{}}
	ids := projections.SubjectsOf(events)
	var load pgx.Batch
	load.Queue(projections.ByIndex)
	load.Queue(`SELECT id, latest, waiting_since FROM cases WHERE id = ANY ($1)`, append(ids[provider.Category], ids[product.Category]...)).
		Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[caseRow])
			for _, c := range stored {
				b.cases[c.ID] = c
			}
			return err
		})
	load.Queue(`SELECT id, subject_id, kind, reviewer, claimed_at, until, ended_at, ending FROM claims
		WHERE subject_id = ANY ($1) AND ended_at IS NULL`, ids[claim.Category]).Query(func(rows pgx.Rows) (err error) {
		b.claims, err = pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[claimRow])
		for _, c := range b.claims {
			b.open[c.SubjectID] = c
		}
		return err
	})
	if err := tx.SendBatch(ctx, &load).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, e := range events {
		id, err := e.Stream.ID()
		if err == nil && e.Stream.Category() == claim.Category {
			err = b.foldClaim(id, e)
		} else if err == nil {
			err = b.foldCase(id, e)
		}
		if err != nil {
			return e.Wrong(err)
		}
	}
	return b.write(ctx, tx)
}

func (b *batch) write(ctx context.Context, tx pgx.Tx) error {
	var w pgx.Batch
	for _, c := range b.cases {
		if c.deleted {
			w.Queue(`DELETE FROM cases WHERE id = $1`, c.ID)
			continue
		}
		w.Queue(`INSERT INTO cases (id, latest, waiting_since) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET latest = $2, waiting_since = $3`, c.ID, c.Latest, c.WaitingSince)
	}
	// What was overturned within the batch, its row says already.
	for _, o := range b.overturns {
		w.Queue(`UPDATE decisions SET overturned_at = $3 WHERE subject_id = $1 AND content_revision = $2 AND outcome IN `+sqlApproved+`
			AND overturned_at IS NULL`, o.subject, o.content, o.at)
	}
	for _, d := range b.decisions {
		w.Queue(`INSERT INTO decisions (subject_id, revision, kind, outcome, content_revision, reviewer, waiting_since, decided_at, claim,
			overturned_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			d.subject, d.revision, d.kind, d.outcome, d.content, d.reviewer, d.waitingSince, d.decidedAt, d.claim, d.overturnedAt)
	}
	for _, c := range b.claims {
		w.Queue(`INSERT INTO claims (id, subject_id, kind, reviewer, claimed_at, until, ended_at, ending) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (id) DO UPDATE SET until = $6, ended_at = $7, ending = $8`,
			c.ID, c.SubjectID, c.Kind, c.Reviewer, c.ClaimedAt, c.Until, c.EndedAt, c.Ending)
	}
	if w.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, &w).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
