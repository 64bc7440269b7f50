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
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/rules"
	"waybill/projections"
)

// Submission is one submitted revision of an application or a product, and what became of it (R41).
type Submission struct {
	Kind            string // the stream's category: provider.Category or product.Category
	SubjectID       uuid.UUID
	ContentRevision domain.ContentRevision
	State           domain.Review
	// Name is that of the product or of the applying enterprise, as submitted.
	Name       string
	ProviderID uuid.UUID
	// ProviderName is as last approved, else as last submitted.
	ProviderName string
	// Mismatches points at the fields that differ from the certified enterprise (Q8).
	Mismatches []string
	// Verdict is the rule book's; zero of an event from before there was one.
	Verdict rules.Verdict
	// FirstSubmittedAt is when this wait for a decision began, SubmittedAt when this revision came in (Q11).
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	// DecidedAt and DecidedBy are nil while undecided.
	DecidedAt *time.Time
	DecidedBy *uuid.UUID
	Reasons   []domain.Reason
	// Revision is the subject's stream revision, for ETag and If-Match.
	Revision domain.Revision
}

// SubmissionDetail is a submission with every field as submitted: the JSON of a provider.Profile or a product.Content.
type SubmissionDetail struct {
	Submission
	Content json.RawMessage
	// TakenDown is an operator's decision about a product that stands now; nil for none. The approval of a later revision ends it.
	TakenDown *product.Takedown
	// Certified is what a profile was compared with (Q8); nil of a product, and of an event from before it was recorded.
	Certified *account.Enterprise
	// Place is the gazetteer's entry of a product's destination; 0 is none.
	Place int64
	// Point is where the destination is, in WGS-84; nil of a profile, and of an event from before it was recorded or matched.
	Point *place.Point
}

// Decided as a Filter's State is approved and rejected together.
const Decided domain.Review = "decided"

// Filter narrows the review queue. State "" is domain.ReviewPending. OlderThan keeps what was submitted before it; nil keeps all.
type Filter struct {
	Kind      string
	State     domain.Review
	OlderThan *time.Time
	After     string
	Limit     int
	// Total asks for Page.Total.
	Total bool
}

// Queries reads the review queue.
type Queries struct{ DB projections.Querier }

const submissionColumns = `s.kind, s.subject_id, s.content_revision, s.state, s.name, s.provider_id,
	coalesce(p.name, '') AS provider_name, s.mismatches, s.verdict, s.first_submitted_at, s.submitted_at, s.decided_at, s.decided_by,
	s.reasons, j.revision`

// What filters look at, and what is shown besides.
const (
	filteredTables   = ` FROM ` + tableSubmissions + ` s LEFT JOIN ` + tableSubjects + ` p ON p.id = s.provider_id`
	submissionTables = filteredTables + ` JOIN ` + tableSubjects + ` j ON j.id = s.subject_id`
)

// The states as SQL: a partial index is chosen for a literal only.
const (
	sqlPending = `'` + string(domain.ReviewPending) + `'`
	sqlDecided = `('` + string(domain.ReviewApproved) + `', '` + string(domain.ReviewRejected) + `')`
)

// Queue lists submissions in one state: pending ones oldest first, others newest decision first.
func (q Queries) Queue(ctx context.Context, f Filter) (projections.Page[Submission], error) {
	var none projections.Page[Submission]
	of, compare, order := projections.ListReviewDecided, "<", "DESC"
	w := projections.Where{}
	switch f.State {
	case "", domain.ReviewPending:
		of, compare, order = projections.ListReviewQueue, ">", "ASC"
		w.And("s.state = " + sqlPending)
		// Until end_cases gets to it: nobody can decide what belongs to a closed provider.
		w.And("NOT coalesce(p.closed, false)")
	case Decided:
		w.And("s.state IN " + sqlDecided)
	default:
		w.And("s.state = ?", f.State)
	}
	if f.Kind != "" {
		w.And("s.kind = ?", f.Kind)
	}
	if f.OlderThan != nil {
		w.And("s.submitted_at < ?", *f.OlderThan)
	}
	total, err := projections.Total(ctx, q.DB, f.Total, `SELECT`+filteredTables+w.SQL(), w.Args...)
	if err != nil {
		return none, err
	}
	if f.After != "" {
		c, err := projections.DecodeCursor(f.After, of)
		if err != nil {
			return none, err
		}
		w.And("(s.since, s.subject_id, s.content_revision) "+compare+" (?, ?, ?)", c.Time(), c.ID, int64(c.Revision))
	}
	size := projections.PageSize(f.Limit)
	type row struct {
		Submission
		Since time.Time
	}
	rows, _ := q.DB.Query(ctx, `SELECT `+submissionColumns+`, s.since`+submissionTables+w.SQL()+
		` ORDER BY s.since `+order+`, s.subject_id `+order+`, s.content_revision `+order+projections.LimitClause(size), w.Args...)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return none, fmt.Errorf("review queue: %w", err)
	}
	page := projections.Cut(found, size, func(r row) string {
		c := projections.CursorAt(false, r.Since, r.SubjectID)
		c.Revision = uint32(r.ContentRevision) //nolint:gosec // revisions count from 1
		return c.Encode(of)
	})
	submissions := make([]Submission, len(page.Rows))
	for i, r := range page.Rows {
		submissions[i] = r.Submission
		submissions[i].utc()
	}
	return projections.Page[Submission]{Rows: submissions, Next: page.Next, Total: total}, nil
}

// Pending counts the submissions of one kind that await a decision.
func (q Queries) Pending(ctx context.Context, kind string) (projections.Count, error) {
	return projections.CountRows(ctx, q.DB, `SELECT FROM `+tableSubmissions+` WHERE kind = $1 AND state = `+sqlPending, kind)
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
	rows, _ := q.DB.Query(ctx, `SELECT `+submissionColumns+`, s.content, s.certified, s.place, s.point, j.taken_down`+submissionTables+` WHERE `+condition, args...)
	item, err := projections.One[SubmissionDetail](rows)
	if err != nil {
		return item, fmt.Errorf("submission: %w", err)
	}
	item.utc()
	return item, nil
}

// Submissions lists every submission of a subject, without content, newest first.
func (q Queries) Submissions(ctx context.Context, kind string, id uuid.UUID) ([]Submission, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+submissionColumns+submissionTables+`
		WHERE s.kind = $1 AND s.subject_id = $2 ORDER BY s.content_revision DESC`, kind, id)
	submissions, err := pgx.CollectRows(rows, pgx.RowToStructByName[Submission])
	if err != nil {
		return nil, fmt.Errorf("submissions: %w", err)
	}
	for i := range submissions {
		submissions[i].utc()
	}
	return submissions, nil
}

func (s *Submission) utc() { projections.UTC(&s.FirstSubmittedAt, &s.SubmittedAt, s.DecidedAt) }
