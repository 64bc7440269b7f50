package backoffice

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/decision"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/projections"
	"waybill/projections/dues"
)

// Application is a provider's own view of its application (R19–R21): the latest submission and what became of it.
type Application struct {
	ProviderID      uuid.UUID
	ContentRevision domain.ContentRevision
	Profile         provider.Profile
	// Mismatches points at the fields that differ from the certified enterprise (Q8).
	Mismatches []string
	// Certified is what the latest submission was compared with; nil when its event is from before it was recorded.
	Certified *account.Enterprise
	// Verdict is the rule book's on the latest submission; zero when its event is from before there was one.
	Verdict rules.Verdict
	// Reasons are those of a rejection.
	Review  domain.Review
	Reasons []domain.Reason
	// StandingReason is the operator's.
	Standing       provider.Standing
	StandingReason string
	// PinLimit is how many products it may pin at a time; nil is without a limit (Q14).
	PinLimit *int
	// LiveRevision is the approved revision, 0 when none is. LiveProfile is its content.
	LiveRevision domain.ContentRevision
	LiveProfile  *provider.Profile
	// Revoked is the approval that was revoked, until the next; nil when none was.
	Revoked *Revocation
	// FirstSubmittedAt is when the latest wait for a decision began, SubmittedAt when the latest revision came in (Q11).
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	DecidedAt        *time.Time
	// Promise is when the latest decision is due, or was when it was made; a correction of the calendar moves it while it pends.
	dues.Promise
	// Revision is the stream revision, for ETag and If-Match.
	Revision domain.Revision
}

// Product is a provider's own view of a product: the latest submission, what became of it, and what the public sees.
type Product struct {
	ID              uuid.UUID
	ProviderID      uuid.UUID
	ContentRevision domain.ContentRevision
	Content         product.Content
	// Verdict is the rule book's on the latest submission; zero when its event is from before there was one.
	Verdict rules.Verdict
	// Reasons are those of a rejection.
	Review  domain.Review
	Reasons []domain.Reason
	// LiveRevision is the approved revision, 0 when none is. LiveContent is its content.
	LiveRevision domain.ContentRevision
	LiveContent  *product.Content
	// Revoked is as of Application.
	Revoked *Revocation
	Listed  bool
	Pinned  bool
	// Standing is the provider's.
	Standing provider.Standing
	// TakenDown is an operator's decision that it may not be public, at TakenDownAt; nil when none stands.
	TakenDown   *product.Takedown
	TakenDownAt *time.Time
	CreatedAt   time.Time
	// FirstSubmittedAt is when the latest wait for a decision began, SubmittedAt when the latest revision came in (Q11).
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	DecidedAt        *time.Time
	// Promise is when the latest decision is due, or was when it was made; a correction of the calendar moves it while it pends.
	dues.Promise
	// Revision is the stream revision, for ETag and If-Match.
	Revision domain.Revision
}

// Revocation is an approval that was taken back, and when. Its JSON is in the tables.
type Revocation struct {
	decision.Revocation
	At time.Time `json:"at"`
}

// Withheld reports whether the product is listed and yet not public, because of its provider's standing (R45).
func (p Product) Withheld() bool {
	switch p.Standing {
	case provider.StandingApplicant, provider.StandingSuspended, provider.StandingClosed:
		return p.Listed
	case provider.StandingActive:
	}
	return false
}

// ProductFilter narrows a provider's products; empty fields do not. Listed is as the public sees it: nothing is while the
// provider is suspended or closed, or its approval revoked.
type ProductFilter struct {
	Review domain.Review
	Listed *bool
	// Mode and Text are of the latest submission. Every word of Text is somewhere in name, brief, tags, country or city, without
	// regard to case and width.
	Mode  product.Mode
	Text  string
	After string
	Limit int
	// Total asks for Page.Total.
	Total bool
}

// ApplicationFilter narrows the list of all applications; empty fields do not. Every word of Text is somewhere in name, code, legal
// representative, contact or phone of the latest submission or of the live profile, without regard to case and width.
type ApplicationFilter struct {
	Standing provider.Standing
	// USCC is the code of the latest submission.
	USCC  string
	Text  string
	After string
	Limit int
	// Total asks for Page.Total.
	Total bool
}

// Queries reads what a provider sees of itself. Every query is by owner, and what belongs to another is ErrNotFound, but for those
// that say that they are for operators.
type Queries struct{ DB projections.Querier }

const applicationColumns = `provider_id, content_revision, profile, mismatches, review, reasons, standing, standing_reason,
	live_revision, live_profile, first_submitted_at, submitted_at, decided_at, revision, pin_limit, certified, verdict, revoked,
	` + dues.ColumnNames

// Application is the application of a provider; ErrNotFound when it never applied.
func (q Queries) Application(ctx context.Context, provider uuid.UUID) (Application, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+applicationColumns+` FROM `+tableApplications+` WHERE provider_id = $1`, provider)
	a, err := projections.One[Application](rows)
	if err != nil {
		return a, fmt.Errorf("application: %w", err)
	}
	return a.complete(), nil
}

// complete fills in what is stored once: the live profile when it is the latest.
func (a Application) complete() Application {
	if a.LiveRevision == a.ContentRevision {
		profile := a.Profile
		a.LiveProfile = &profile
	}
	projections.UTC(&a.FirstSubmittedAt, &a.SubmittedAt, a.DecidedAt, &a.DueFrom, &a.DueAt)
	return a
}

// listedApplication is an application with its place in the list.
type listedApplication struct {
	Application
	AppliedAt time.Time
}

// newestApplications is the list of applications.
var newestApplications = projections.Newest[listedApplication]{
	List: projections.ListApplications, Name: "applications", Table: tableApplications, Columns: applicationColumns + `, applied_at`,
	At: "applied_at", ID: "provider_id", Text: `text || E'\n' || live_text`,
	Place: func(r listedApplication) (time.Time, uuid.UUID) { return r.AppliedAt, r.ProviderID },
}

// Applications lists all applications for operators, the newest applicants first.
func (q Queries) Applications(ctx context.Context, f ApplicationFilter) (projections.Page[Application], error) {
	n := projections.Narrow{Words: f.Text}
	switch {
	case f.USCC != "":
		n.Few, n.By = true, []projections.By{{SQL: "uscc", Values: []any{f.USCC}}}
		if f.Standing != "" {
			n.Also = []projections.Also{{SQL: "standing = ?", Args: []any{string(f.Standing)}}}
		}
	case f.Standing != "":
		n.By = []projections.By{{SQL: "standing", Values: []any{string(f.Standing)}, Term: termStanding(f.Standing)}}
	}
	found, err := newestApplications.Page(ctx, q.DB, n, f.After, f.Limit, f.Total)
	page := projections.Page[Application]{Rows: make([]Application, len(found.Rows)), Next: found.Next, Total: found.Total}
	for i, r := range found.Rows {
		page.Rows[i] = r.complete()
	}
	return page, err
}

// ownColumns are of products r, with the standing of the owner; blank when it never applied.
const ownColumns = productColumns + `, coalesce((SELECT a.standing FROM ` + tableApplications + ` a WHERE a.provider_id = r.provider_id), '') AS standing`

const productColumns = `id, provider_id, content_revision, content, review, reasons, live_revision, live_content,
	listed, pinned, created_at, first_submitted_at, submitted_at, decided_at, revision, taken_down, taken_down_at, verdict, revoked,
	` + dues.ColumnNames

// Product is one of the provider's own products; ErrNotFound when it is another's or deleted.
func (q Queries) Product(ctx context.Context, provider, id uuid.UUID) (Product, error) {
	return q.product(ctx, `id = $1 AND provider_id = $2`, id, provider)
}

// AnyProduct is a product, whosever it is, for operators; ErrNotFound when it is deleted.
func (q Queries) AnyProduct(ctx context.Context, id uuid.UUID) (Product, error) {
	return q.product(ctx, `id = $1`, id)
}

func (q Queries) product(ctx context.Context, condition string, args ...any) (Product, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+ownColumns+` FROM `+tableProducts+` r WHERE `+condition, args...)
	p, err := projections.One[Product](rows)
	if err != nil {
		return p, fmt.Errorf("product: %w", err)
	}
	return p.complete(), nil
}

// newestProducts is the list of own products.
var newestProducts = projections.Newest[Product]{
	List: projections.ListOwnProducts, Name: "own products", Table: tableProducts, Columns: ownColumns, At: "created_at", ID: "id",
	Text: "text", Owner: "provider_id",
	Place: func(p Product) (time.Time, uuid.UUID) { return p.CreatedAt, p.ID },
}

// Products lists the provider's own products, newest first.
func (q Queries) Products(ctx context.Context, owner uuid.UUID, f ProductFilter) (projections.Page[Product], error) {
	n, err := q.narrow(ctx, owner, f)
	if err != nil {
		return projections.Page[Product]{}, err
	}
	page, err := newestProducts.Page(ctx, q.DB, n, f.After, f.Limit, f.Total)
	for i := range page.Rows {
		page.Rows[i] = page.Rows[i].complete()
	}
	return page, err
}

// CountByReview counts the provider's own products by the review of their latest revision.
func (q Queries) CountByReview(ctx context.Context, provider uuid.UUID) (map[domain.Review]projections.Count, error) {
	counts := map[domain.Review]projections.Count{}
	for _, review := range reviews {
		n := projections.Narrow{By: []projections.By{
			{SQL: "provider_id", Values: []any{provider}},
			{SQL: "review", Values: []any{string(review)}},
			{SQL: "listed", Values: []any{false, true}},
		}}
		c, err := newestProducts.Count(ctx, q.DB, n)
		if err != nil {
			return nil, err
		}
		counts[review] = c
	}
	return counts, nil
}

// reviews are those of a latest revision.
var reviews = []domain.Review{domain.ReviewPending, domain.ReviewApproved, domain.ReviewRejected}

// narrow reads a list of a provider's. A review and what is listed have few values: where only one of the two is asked for, or neither
// beside a mode, the stretches of the others' values are merged.
func (q Queries) narrow(ctx context.Context, owner uuid.UUID, f ProductFilter) (projections.Narrow, error) {
	n := projections.Narrow{By: []projections.By{{SQL: "provider_id", Values: []any{owner}}}, Words: f.Text}
	if f.Mode != "" {
		n.By = append(n.By, projections.By{SQL: modeOf, Values: []any{string(f.Mode)}, Term: termMode(f.Mode)})
	}
	if f.Review == "" && f.Mode == "" && f.Listed == nil {
		return n, nil
	}
	review := projections.By{SQL: "review", Term: termReview(f.Review)}
	for _, one := range reviews {
		if f.Review == "" || f.Review == one {
			review.Values = append(review.Values, string(one))
		}
	}
	listed := projections.By{SQL: "listed", Values: []any{false, true}}
	if f.Listed != nil {
		shows, err := q.shows(ctx, owner)
		if err != nil {
			return n, err
		}
		switch {
		case shows:
			listed.Values, listed.Term = []any{*f.Listed}, termListed(*f.Listed)
		case *f.Listed:
			n.Nothing = true
		}
	}
	n.Nothing = n.Nothing || len(review.Values) == 0
	n.By = append(n.By, review, listed)
	return n, nil
}

// shows reports whether what a provider lists is public: nothing is while it may offer nothing.
func (q Queries) shows(ctx context.Context, owner uuid.UUID) (shows bool, err error) {
	err = q.DB.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM `+tableApplications+` WHERE provider_id = $1 AND standing = ANY ($2))`, owner,
		[]string{string(provider.StandingApplicant), string(provider.StandingSuspended), string(provider.StandingClosed)}).Scan(&shows)
	if err != nil {
		return false, fmt.Errorf("standing of an owner: %w", err)
	}
	return shows, nil
}

// PendingProducts is every product of a provider's that awaits a decision, oldest first.
func (q Queries) PendingProducts(ctx context.Context, provider uuid.UUID) ([]uuid.UUID, error) {
	return q.ids(ctx, `review = '`+string(domain.ReviewPending)+`'`, provider)
}

// PinnedProducts is every product of a provider's that is pinned, oldest first.
func (q Queries) PinnedProducts(ctx context.Context, provider uuid.UUID) ([]uuid.UUID, error) {
	return q.ids(ctx, `pinned`, provider)
}

func (q Queries) ids(ctx context.Context, condition string, provider uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := q.DB.Query(ctx, `SELECT id FROM `+tableProducts+` WHERE provider_id = $1 AND `+condition+` ORDER BY created_at, id`, provider)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("products of a provider: %w", err)
	}
	return ids, nil
}

// complete fills in what is stored once: the live content when it is the latest.
func (p Product) complete() Product {
	if p.LiveRevision == p.ContentRevision {
		content := p.Content
		p.LiveContent = &content
	}
	projections.UTC(&p.CreatedAt, &p.FirstSubmittedAt, &p.SubmittedAt, p.DecidedAt, p.TakenDownAt, &p.DueFrom, &p.DueAt)
	return p
}
