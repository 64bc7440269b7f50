// Package backoffice is a read model: what a provider sees of its application and its products.
package backoffice

import (
	"context"
	"encoding/json"
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
	"waybill/domain/rules"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/dues"
)

const (
	schema = "backoffice_v5"

	// The tables as queries reach them.
	tableApplications = schema + ".applications"
	tableProducts     = schema + ".products"
)

// Model is what a provider sees of its application and its products (R19–R25, R33–R35).
var Model = projections.ReadModel{
	Name:   "backoffice",
	Schema: schema,
	Applies: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
		provider.Reinstated{}, provider.Closed{}, provider.PinLimitSet{}, provider.FirstApproved{}, provider.ApprovalRevoked{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
		product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{}, product.Deleted{}, product.ApprovalRevoked{},
		calendar.Corrected{},
	),
	PassesOver: projections.TypesOf(
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
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
` + dues.Columns + `) WITH (toast_tuple_target = 8160);
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
` + dues.Columns + `) WITH (toast_tuple_target = 8160);
ALTER TABLE applications ALTER terms SET STATISTICS 0;
ALTER TABLE products ALTER terms SET STATISTICS 0;`,
	Indexes: `
CREATE INDEX applications_order ON applications (applied_at, provider_id);
CREATE INDEX applications_standing ON applications (standing, applied_at, provider_id);
CREATE INDEX applications_uscc ON applications (uscc, applied_at, provider_id);
CREATE INDEX applications_terms ON applications USING gin (terms) WITH (gin_pending_list_limit = 256);
CREATE INDEX applications_due ON applications (due_at) WHERE ` + isPending + `; -- what a correction of the calendar can move
CREATE INDEX products_due ON products (due_at) WHERE ` + isPending + `;
CREATE INDEX products_owner ON products (provider_id, created_at, id);
CREATE INDEX products_owner_review ON products (provider_id, review, listed, created_at, id);
CREATE INDEX products_owner_mode ON products (provider_id, ` + modeOf + `, review, listed, created_at, id);
CREATE INDEX products_terms ON products USING gin (terms) WITH (gin_pending_list_limit = 256);`,
	Apply: dues.Applying(apply,
		dues.Table{Name: "applications", ID: "provider_id", Open: isPending, Days: workdays.ForApplication},
		dues.Table{Name: "products", ID: "id", Open: isPending, Days: workdays.ForProduct},
	),
}

// modeOf is the mode of the latest content, as an index has it.
const modeOf = `((content->>'mode') COLLATE "C")`

// isPending is the condition of what awaits a decision.
const isPending = `review = '` + string(domain.ReviewPending) + `'`

// reviewed is the review axis, as applications and products share it; the columns are named alike.
type reviewed struct {
	ContentRevision  domain.ContentRevision
	Verdict          rules.Verdict
	Review           domain.Review
	Reasons          json.RawMessage
	LiveRevision     domain.ContentRevision
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	DecidedAt        *time.Time
	Revision         domain.Revision
	Revoked          *Revocation
	dues.Promise
}

type applicationRow struct {
	ProviderID uuid.UUID
	reviewed
	Profile        json.RawMessage
	Mismatches     []string
	Certified      *account.Enterprise
	Standing       provider.Standing
	StandingReason string
	PinLimit       *int
	LiveProfile    json.RawMessage
	AppliedAt      time.Time
	USCC           string `db:"uscc"`
	Text           string
	LiveText       string
}

type productRow struct {
	ID         uuid.UUID
	ProviderID uuid.UUID
	reviewed
	Content     json.RawMessage
	LiveContent json.RawMessage
	Listed      bool
	Pinned      bool
	TakenDown   *product.Takedown
	TakenDownAt *time.Time
	CreatedAt   time.Time
	Text        string
	deleted     bool
}

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event, c *workdays.Calendar) error {
	applications, products := map[uuid.UUID]*applicationRow{}, map[uuid.UUID]*productRow{}
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	ids := projections.SubjectsOf(events)
	batch.Queue(`SELECT `+applicationColumns+`, applied_at, uscc, text, live_text FROM applications WHERE provider_id = ANY ($1)`, ids[provider.Category]).
		Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[applicationRow])
			for _, a := range stored {
				applications[a.ProviderID] = a
			}
			return err
		})
	batch.Queue(`SELECT `+productColumns+`, text FROM products WHERE id = ANY ($1)`, ids[product.Category]).
		Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[productRow])
			for _, p := range stored {
				products[p.ID] = p
			}
			return err
		})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, e := range events {
		if err := fold(e, c, applications, products); err != nil {
			return e.Wrong(err)
		}
	}
	return write(ctx, tx, applications, products)
}

func write(ctx context.Context, tx pgx.Tx, applications map[uuid.UUID]*applicationRow, products map[uuid.UUID]*productRow) error {
	var batch pgx.Batch
	for _, a := range applications {
		batch.Queue(`INSERT INTO applications (`+applicationColumns+`, applied_at, uscc, text, live_text, terms)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27)
			ON CONFLICT (provider_id) DO UPDATE SET content_revision = $2, profile = $3, mismatches = $4, review = $5, reasons = $6,
				standing = $7, standing_reason = $8, live_revision = $9, live_profile = $10, first_submitted_at = $11,
				submitted_at = $12, decided_at = $13, revision = $14, pin_limit = $15, certified = $16,
				verdict = $17, revoked = $18, due_from = $19, due_at = $20, due_estimated = $21, due_calendar = $22,
				uscc = $24, text = $25, live_text = $26, terms = $27`,
			a.ProviderID, a.ContentRevision, a.Profile, a.Mismatches, a.Review, a.Reasons, a.Standing, a.StandingReason,
			a.LiveRevision, a.LiveProfile, a.FirstSubmittedAt, a.SubmittedAt, a.DecidedAt, a.Revision, a.PinLimit, a.Certified,
			a.Verdict, a.Revoked, a.DueFrom, a.DueAt, a.DueEstimated, a.DueCalendar, a.AppliedAt, a.USCC, a.Text, a.LiveText,
			projections.MonthTerms(a.AppliedAt, uuid.Nil, []string{termStanding(a.Standing)}, a.Text, a.LiveText))
	}
	for _, p := range products {
		if p.deleted {
			batch.Queue(`DELETE FROM products WHERE id = $1`, p.ID)
			continue
		}
		batch.Queue(`INSERT INTO products (`+productColumns+`, text, terms)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
			ON CONFLICT (id) DO UPDATE SET content_revision = $3, content = $4, review = $5, reasons = $6, live_revision = $7,
				live_content = $8, listed = $9, pinned = $10, first_submitted_at = $12, submitted_at = $13, decided_at = $14,
				revision = $15, taken_down = $16, taken_down_at = $17, verdict = $18, revoked = $19,
				due_from = $20, due_at = $21, due_estimated = $22, due_calendar = $23, text = $24, terms = $25`,
			p.ID, p.ProviderID, p.ContentRevision, p.Content, p.Review, p.Reasons, p.LiveRevision, p.LiveContent,
			p.Listed, p.Pinned, p.CreatedAt, p.FirstSubmittedAt, p.SubmittedAt, p.DecidedAt, p.Revision,
			p.TakenDown, p.TakenDownAt, p.Verdict, p.Revoked, p.DueFrom, p.DueAt, p.DueEstimated, p.DueCalendar, p.Text,
			projections.MonthTerms(p.CreatedAt, p.ProviderID, p.terms(), p.Text))
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
