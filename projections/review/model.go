// Package review is a read model: the reviewers' queue.
package review

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/uscc"
	"waybill/projections"
)

const (
	schema = "review_v4"

	// The tables as queries reach them.
	tableSubjects    = schema + ".subjects"
	tableSubmissions = schema + ".submissions"
)

// Model is the reviewers' queue: every submitted revision with its decision, until its product is deleted (R41).
var Model = projections.ReadModel{
	Name:   "review",
	Schema: schema,
	Applies: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
		provider.Reinstated{}, provider.Closed{}, provider.PinLimitSet{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
		product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{}, product.Deleted{},
	),
	PassesOver: projections.TypesOf(
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
		provider.FirstApproved{}, provider.ApprovalRevoked{}, product.ApprovalRevoked{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		calendar.Corrected{}, canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
	),
	DDL: `
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
) WITH (toast_tuple_target = 8160);`,
	Indexes: `
CREATE INDEX submissions_state ON submissions (state, since, subject_id, content_revision);
CREATE INDEX submissions_kind ON submissions (kind, state, since, subject_id, content_revision);
CREATE INDEX submissions_decided ON submissions (since, subject_id, content_revision) WHERE state IN ` + sqlDecided + `;`,
	Apply: apply,
}

// subject is a provider or product in the queue, with its latest submission: the only one that can change.
type subject struct {
	ID        uuid.UUID
	Name      string
	Approved  bool
	Latest    domain.ContentRevision
	Closed    bool
	Revision  domain.Revision
	TakenDown *product.Takedown
	deleted   bool
	// changed are the submissions of this batch and the latest before it, by content revision.
	changed map[domain.ContentRevision]*submissionRow
}

type submissionRow struct {
	Kind             string
	SubjectID        uuid.UUID
	ContentRevision  domain.ContentRevision
	State            domain.Review
	Since            time.Time
	Name             string
	ProviderID       uuid.UUID
	Mismatches       []string
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	DecidedAt        *time.Time
	DecidedBy        *uuid.UUID
	Reasons          json.RawMessage
	Content          json.RawMessage
	Certified        json.RawMessage
	Verdict          rules.Verdict
	Place            int64
	Point            *place.Point
}

const submissionRowColumns = `kind, subject_id, content_revision, state, since, name, provider_id, mismatches,
	first_submitted_at, submitted_at, decided_at, decided_by, reasons, content, certified, verdict, place, point`

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	subjects := map[uuid.UUID]*subject{}
	ids := projections.SubjectsOf(events)
	both := append(ids[provider.Category], ids[product.Category]...)
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	batch.Queue(`SELECT id, name, approved, latest, closed, revision, taken_down FROM subjects
		WHERE id = ANY ($1)`, both).Query(func(rows pgx.Rows) error {
		stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[subject])
		for _, s := range stored {
			s.changed = map[domain.ContentRevision]*submissionRow{}
			subjects[s.ID] = s
		}
		return err
	})
	batch.Queue(`SELECT `+submissionRowColumns+` FROM submissions JOIN (SELECT id, latest FROM subjects WHERE id = ANY ($1)) s
		ON subject_id = s.id AND content_revision = s.latest`, both).Query(func(rows pgx.Rows) error {
		stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[submissionRow])
		for _, row := range stored {
			subjects[row.SubjectID].changed[row.ContentRevision] = row
		}
		return err
	})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, e := range events {
		if err := fold(subjects, e); err != nil {
			return fmt.Errorf("%s@%d: %w", e.Stream, e.Revision, err)
		}
	}
	return write(ctx, tx, subjects)
}

func fold(subjects map[uuid.UUID]*subject, e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	switch e.Fact.(type) {
	case provider.Applied, product.Submitted:
		subjects[id] = &subject{ID: id, changed: map[domain.ContentRevision]*submissionRow{}}
	}
	s, ok := subjects[id]
	if !ok || s.deleted {
		return fmt.Errorf("%s of something that is not there", e.Type)
	}
	s.Revision, s.TakenDown = e.Revision, s.TakenDown.After(e.Fact)
	switch fact := e.Fact.(type) {
	case provider.Applied:
		return s.submitProfile(e, fact)
	case provider.Revised:
		return s.submitProfile(e, provider.Applied(fact))
	case product.Submitted:
		row := submissionRow{ProviderID: fact.ProviderID, ContentRevision: fact.Revision, Verdict: fact.Verdict}
		row.match(fact.Place, fact.Point)
		return s.submitContent(e, row, fact.Content)
	case product.Revised:
		row := submissionRow{ContentRevision: fact.Revision, Verdict: fact.Verdict}
		row.match(fact.Place, fact.Point)
		return s.submitContent(e, row, fact.Content)
	case product.PlaceMatched:
		row, ok := s.changed[fact.Revision]
		if !ok || fact.Revision != s.Latest {
			return fmt.Errorf("match of revision %d, but %d is the latest", fact.Revision, s.Latest)
		}
		row.match(fact.Place, fact.Point)
	case provider.Approved:
		s.Approved = true
		return s.decide(e, domain.ReviewApproved, fact.Revision, nil)
	case product.Approved:
		return s.decide(e, domain.ReviewApproved, fact.Revision, nil)
	case provider.Rejected:
		return s.decide(e, domain.ReviewRejected, fact.Revision, fact.Reasons)
	case product.Rejected:
		return s.decide(e, domain.ReviewRejected, fact.Revision, fact.Reasons)
	case provider.Closed:
		s.Closed = true
	case product.Deleted:
		s.deleted = true
	case provider.Suspended, provider.Reinstated, provider.PinLimitSet, product.Listed, product.Unlisted, product.Pinned, product.Unpinned,
		product.TakenDown:
		// Only the revision moves.
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

// match is the gazetteer's entry of the destination, and where that is.
func (r *submissionRow) match(id int64, at place.Point) {
	r.Place, r.Point = id, nil
	if !at.IsZero() {
		r.Point = &at
	}
}

func (s *subject) submitProfile(e projections.Event, fact provider.Applied) (err error) {
	row := submissionRow{
		Name: fact.Profile.Name, ProviderID: s.ID, ContentRevision: fact.Revision, Mismatches: fact.Mismatches, Verdict: fact.Verdict,
	}
	if fact.Certified != nil {
		if row.Certified, err = json.Marshal(fact.Certified); err != nil {
			return err
		}
	}
	return s.submit(e, row, fact.Profile)
}

func (s *subject) submitContent(e projections.Event, row submissionRow, content product.Content) error {
	row.Name = content.Name
	return s.submit(e, row, content)
}

func (s *subject) submit(e projections.Event, row submissionRow, content any) error {
	at := projections.EventTime(e)
	row.Kind, row.SubjectID, row.State = e.Stream.Category(), s.ID, domain.ReviewPending
	row.Since, row.SubmittedAt, row.FirstSubmittedAt = at, at, at
	row.Mismatches = projections.OrEmpty(row.Mismatches)
	if before, ok := s.changed[s.Latest]; ok {
		row.ProviderID = before.ProviderID
		row.FirstSubmittedAt = before.State.WaitingSince(before.FirstSubmittedAt, at)
		if before.State == domain.ReviewPending {
			before.State, before.Since = domain.ReviewSuperseded, at
		}
	}
	var err error
	if row.Content, err = json.Marshal(content); err != nil {
		return err
	}
	if !s.Approved {
		s.Name = row.Name
	}
	s.Latest = row.ContentRevision
	s.changed[row.ContentRevision] = &row
	return nil
}

func (s *subject) decide(e projections.Event, state domain.Review, revision domain.ContentRevision, reasons []domain.Reason) error {
	row, ok := s.changed[revision]
	if !ok || revision != s.Latest {
		return fmt.Errorf("decision on revision %d, but %d is the latest", revision, s.Latest)
	}
	at, by := projections.EventTime(e), e.Meta.Actor.ID
	row.State, row.Since, row.DecidedAt, row.DecidedBy = state, at, &at, &by
	if s.Approved {
		s.Name = row.Name
	}
	if len(reasons) == 0 {
		return nil
	}
	var err error
	row.Reasons, err = json.Marshal(reasons)
	return err
}

func write(ctx context.Context, tx pgx.Tx, subjects map[uuid.UUID]*subject) error {
	var batch pgx.Batch
	for _, s := range subjects {
		if s.deleted {
			batch.Queue(`DELETE FROM submissions WHERE subject_id = $1`, s.ID)
			batch.Queue(`DELETE FROM subjects WHERE id = $1`, s.ID)
			continue
		}
		batch.Queue(`INSERT INTO subjects (id, name, approved, latest, closed, revision, taken_down) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET name = $2, approved = $3, latest = $4, closed = $5, revision = $6, taken_down = $7`,
			s.ID, s.Name, s.Approved, s.Latest, s.Closed, s.Revision, s.TakenDown)
		for _, r := range s.changed {
			batch.Queue(`INSERT INTO submissions (`+submissionRowColumns+`)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
				ON CONFLICT (subject_id, content_revision) DO UPDATE
				SET state = $4, since = $5, decided_at = $11, decided_by = $12, reasons = $13, place = $17, point = $18`,
				r.Kind, r.SubjectID, r.ContentRevision, r.State, r.Since, r.Name, r.ProviderID, r.Mismatches,
				r.FirstSubmittedAt, r.SubmittedAt, r.DecidedAt, r.DecidedBy, r.Reasons, r.Content, r.Certified,
				r.Verdict, r.Place, r.Point)
		}
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
