package review

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/decision"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/rules"
	"waybill/projections"
	"waybill/projections/dues"
)

// Submission is one submitted revision of an application or a product, and what became of it (R41).
type Submission struct {
	Kind            string // the stream's category: provider.Category or product.Category
	SubjectID       uuid.UUID
	ContentRevision domain.ContentRevision
	State           domain.Review
	// Since is when it came into this state: by being submitted, decided, superseded, or its approval revoked.
	Since time.Time
	// Name is that of the product or of the applying enterprise, as submitted, and SubmittedBy the account that submitted it.
	Name        string
	ProviderID  uuid.UUID
	SubmittedBy uuid.UUID
	// ProviderName and ProviderType are as last approved, else as last submitted.
	ProviderName string
	ProviderType string
	// Mismatches points at the fields that differ from the certified enterprise (Q8).
	Mismatches []string
	// Verdict is the rule book's; zero of an event from before there was one.
	Verdict rules.Verdict
	// Round counts from 1: it was submitted after so many rejections since the last approval, less one.
	Round int
	// FirstSubmittedAt is when this wait for a decision began, SubmittedAt when this revision came in (Q11).
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	// Promise is when it is due, by the calendar now; when it was, of what is not pending any more.
	dues.Promise
	// DecidedAt and DecidedBy are nil while undecided; Reasons and Note are the decision's, the note for colleagues only.
	DecidedAt *time.Time
	DecidedBy *uuid.UUID
	Reasons   []domain.Reason
	Note      string
	// FirstApproval is the first of two approvals of this revision; nil without one.
	FirstApproval *Approval
	// Revocation is that of the approval of this revision, until it is decided again; of a pending one also that of the live revision
	// before it, when it came in this wait. Nil without one.
	Revocation *Revocation
	// Live is the subject's content revision that is approved now; 0 is none.
	Live domain.ContentRevision
	// TakenDown is an operator's decision about a product that stands now; nil for none. The approval of a later revision ends it.
	TakenDown *product.Takedown
	// Claim is that of a pending one that nobody ended; nil for none. It holds the case until its time is over.
	Claim *Claim `db:"-"`
	// Revision is the subject's stream revision, for ETag and If-Match.
	Revision domain.Revision
}

// Approval is the first of two approvals. Its JSON is in the tables.
type Approval struct {
	By   uuid.UUID `json:"by"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

// Revocation is that of an approval. Its JSON is in the tables.
type Revocation struct {
	By      uuid.UUID       `json:"by"`
	At      time.Time       `json:"at"`
	Reasons []domain.Reason `json:"reasons"`
	Note    string          `json:"note,omitempty"`
}

// Claim is a reviewer's on a case.
type Claim struct {
	ID, Reviewer uuid.UUID
	Until        time.Time
}

// Holder is the claim that holds the case at a time; nil for none, or when its time is over.
func (s *Submission) Holder(now time.Time) *Claim {
	if s.Claim == nil || !now.Before(s.Claim.Until) {
		return nil
	}
	return s.Claim
}

// Overdue reports whether it was not decided in time, as far as that is known at a time.
func (s *Submission) Overdue(now time.Time) bool {
	switch {
	case s.State == domain.ReviewPending:
		return s.Promise.Overdue(now)
	case s.DecidedAt == nil:
		return false
	}
	return s.Promise.Overdue(*s.DecidedAt)
}

// OverdueBy is how long ago at a time the decision was due, or how much too late it came; 0 when it is, or was, in time.
func (s *Submission) OverdueBy(now time.Time) time.Duration {
	if !s.Overdue(now) {
		return 0
	}
	if s.DecidedAt != nil {
		now = *s.DecidedAt
	}
	return now.Sub(s.DueAt)
}

// SubmissionDetail is a submission with every field as submitted.
type SubmissionDetail struct {
	Submission
	// Content is the JSON of a provider.Profile or a product.Content, byte for byte as its event has it.
	Content json.RawMessage
	// LiveContent is the same of the live revision; nil without one.
	LiveContent json.RawMessage
	// Certified is what a profile was compared with (Q8); nil of a product, and of an event from before it was recorded.
	Certified *account.Enterprise
	// Place is the gazetteer's entry of a product's destination; 0 is none.
	Place int64
	// Point is where the destination is, in WGS-84; nil of a profile, and of an event from before it was recorded or matched.
	Point *place.Point
}

// Digest names the content as a decision on it does.
func (s *SubmissionDetail) Digest() (string, error) { return decision.Digest(s.Content) }

// Queries reads the review queue.
type Queries struct{ DB projections.Querier }

const (
	submissionColumns = `s.kind, s.subject_id, s.content_revision, s.state, s.since, s.name, s.provider_id, s.submitted_by,
	coalesce(p.name, '') AS provider_name, coalesce(p.provider_type, '') AS provider_type, s.mismatches, s.verdict, s.round,
	s.first_submitted_at, s.submitted_at, coalesce(c.due_from, s.due_from) AS due_from, coalesce(c.due_at, s.due_at) AS due_at,
	coalesce(c.due_estimated, s.due_estimated) AS due_estimated, coalesce(c.due_calendar, s.due_calendar) AS due_calendar,
	s.decided_at, s.decided_by, s.reasons, s.note, s.first_approval, s.revocation, j.live, j.taken_down, j.revision,
	k.claim AS claim_id, k.reviewer AS claim_by, k.until AS claim_until`

	// The tables around a submission s, each looked up by its key.
	aroundSubmission = ` JOIN ` + tableSubjects + ` j ON j.id = s.subject_id LEFT JOIN ` + tableSubjects + ` p ON p.id = s.provider_id
	LEFT JOIN ` + tableCases + ` c ON c.subject_id = s.subject_id AND c.content_revision = s.content_revision
	LEFT JOIN ` + tableClaims + ` k ON k.case_id = c.subject_id`
	submissionTables = ` FROM ` + tableSubmissions + ` s` + aroundSubmission
)

// claimColumns are the columns of the claim, null without one.
type claimColumns struct {
	ClaimID, ClaimBy *uuid.UUID
	ClaimUntil       *time.Time
}

func (c claimColumns) claim() *Claim {
	if c.ClaimID == nil {
		return nil
	}
	return &Claim{ID: *c.ClaimID, Reviewer: *c.ClaimBy, Until: c.ClaimUntil.UTC()}
}

// submissionRow is a row of a list.
type submissionRow struct {
	Submission
	claimColumns
	Shown shownVerdict
}

// shownVerdict is a verdict without what was measured of images: that is most of it, and no list shows it.
type shownVerdict struct {
	Rules    int             `json:"rules"`
	Findings []rules.Finding `json:"findings"`
}

// listColumns are submissionColumns with the verdict as lists show it.
var listColumns = strings.Replace(submissionColumns, "s.verdict", "s.verdict AS shown", 1)

// submissions are rows of listColumns.
func submissions(rows pgx.Rows) ([]Submission, error) {
	found, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[submissionRow])
	if err != nil {
		return nil, err
	}
	list := make([]Submission, len(found))
	for i, r := range found {
		list[i] = r.Submission
		list[i].Verdict = rules.Verdict{Rules: r.Shown.Rules, Findings: r.Shown.Findings}
		list[i].complete(r.claimColumns)
	}
	return list, nil
}

func (s *Submission) complete(c claimColumns) {
	s.Claim = c.claim()
	projections.UTC(&s.Since, &s.FirstSubmittedAt, &s.SubmittedAt, &s.DueFrom, &s.DueAt, s.DecidedAt)
}

// Item is a subject's latest submission; ErrNotFound when there is none (a deleted product has none).
func (q Queries) Item(ctx context.Context, kind string, id uuid.UUID) (SubmissionDetail, error) {
	return q.item(ctx, `s.kind = $1 AND s.subject_id = $2 ORDER BY s.content_revision DESC LIMIT 1`, kind, id)
}

// ItemAt is a subject's submission at exactly this content revision.
func (q Queries) ItemAt(ctx context.Context, kind string, id uuid.UUID, revision domain.ContentRevision) (SubmissionDetail, error) {
	return q.item(ctx, `s.kind = $1 AND s.subject_id = $2 AND s.content_revision = $3`, kind, id, revision)
}

func (q Queries) item(ctx context.Context, condition string, args ...any) (SubmissionDetail, error) {
	type row struct {
		SubmissionDetail
		claimColumns
	}
	rows, _ := q.DB.Query(ctx, `SELECT `+submissionColumns+`, s.content, l.content AS live_content, s.certified, s.place, s.point`+
		submissionTables+` LEFT JOIN `+tableSubmissions+` l ON l.subject_id = j.id AND l.content_revision = j.live WHERE `+condition, args...)
	item, err := projections.One[row](rows)
	if err != nil {
		return item.SubmissionDetail, fmt.Errorf("submission: %w", err)
	}
	item.complete(item.claimColumns)
	return item.SubmissionDetail, nil
}

// Submissions lists every submission of a subject, without content, newest first.
func (q Queries) Submissions(ctx context.Context, kind string, id uuid.UUID) ([]Submission, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+listColumns+submissionTables+`
		WHERE s.kind = $1 AND s.subject_id = $2 ORDER BY s.content_revision DESC`, kind, id)
	list, err := submissions(rows)
	if err != nil {
		return nil, fmt.Errorf("submissions: %w", err)
	}
	return list, nil
}
