package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// Application is a provider's own view of its application (R19–R21): the latest submission and what became of it.
type Application struct {
	ProviderID      uuid.UUID
	ContentRevision int
	Profile         provider.Profile
	// Mismatches points at the fields that differ from the certified enterprise (Q8).
	Mismatches []string
	// Review is "pending", "approved" or "rejected"; Reasons are those of a rejection.
	Review  string
	Reasons []domain.Reason
	// Standing is "applicant", "active", "suspended" or "closed"; StandingReason is the operator's.
	Standing       string
	StandingReason string
	// LiveRevision is the approved revision, 0 before the first approval. LiveProfile is its content.
	LiveRevision int
	LiveProfile  *provider.Profile
	// FirstSubmittedAt is when the latest wait for a decision began, SubmittedAt when the latest revision came in (Q11).
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	DecidedAt        *time.Time
	// Revision is the stream revision, for ETag and If-Match.
	Revision uint64
}

// OwnProduct is a provider's own view of a product: the latest submission, what became of it, and what the public sees.
type OwnProduct struct {
	ID              uuid.UUID
	ProviderID      uuid.UUID
	ContentRevision int
	Content         product.Content
	// Review is "pending", "approved" or "rejected"; Reasons are those of a rejection.
	Review  string
	Reasons []domain.Reason
	// LiveRevision is the approved revision, 0 before the first approval. LiveContent is its content.
	LiveRevision int
	LiveContent  *product.Content
	Listed       bool
	Pinned       bool
	CreatedAt    time.Time
	// FirstSubmittedAt is when the latest wait for a decision began, SubmittedAt when the latest revision came in (Q11).
	FirstSubmittedAt time.Time
	SubmittedAt      time.Time
	DecidedAt        *time.Time
	// Revision is the stream revision, for ETag and If-Match.
	Revision uint64
}

// OwnProductFilter narrows a provider's products; empty fields do not.
type OwnProductFilter struct {
	Review string // "pending", "approved" or "rejected"
	Listed *bool
	After  string
	Limit  int
}

// BackofficeQueries reads what a provider sees of itself. Every query is by owner: what belongs to another is ErrNotFound.
type BackofficeQueries struct{ DB Querier }

const applicationColumns = `provider_id, content_revision, profile, mismatches, review, reasons, standing, standing_reason,
	live_revision, live_profile, first_submitted_at, submitted_at, decided_at, revision`

// Application is the application of a provider; ErrNotFound when it never applied.
func (q BackofficeQueries) Application(ctx context.Context, provider uuid.UUID) (Application, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+applicationColumns+` FROM backoffice_v1.applications WHERE provider_id = $1`, provider)
	a, err := one[Application](rows)
	if err != nil {
		return a, fmt.Errorf("application: %w", err)
	}
	if a.LiveRevision == a.ContentRevision {
		a.LiveProfile = &a.Profile
	}
	utc(&a.FirstSubmittedAt, &a.SubmittedAt, a.DecidedAt)
	return a, nil
}

const ownProductColumns = `id, provider_id, content_revision, content, review, reasons, live_revision, live_content,
	listed, pinned, created_at, first_submitted_at, submitted_at, decided_at, revision`

// Product is one of the provider's own products; ErrNotFound when it is another's or deleted.
func (q BackofficeQueries) Product(ctx context.Context, provider, id uuid.UUID) (OwnProduct, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+ownProductColumns+` FROM backoffice_v1.products
		WHERE id = $1 AND provider_id = $2`, id, provider)
	p, err := one[OwnProduct](rows)
	if err != nil {
		return p, fmt.Errorf("own product: %w", err)
	}
	return p.complete(), nil
}

// Products lists the provider's own products, newest first.
func (q BackofficeQueries) Products(ctx context.Context, provider uuid.UUID, f OwnProductFilter) (Page[OwnProduct], error) {
	var none Page[OwnProduct]
	w := where{}
	w.and("provider_id = ?", provider)
	if f.Review != "" {
		w.and("review = ?", f.Review)
	}
	if f.Listed != nil {
		w.and("listed = ?", *f.Listed)
	}
	if f.After != "" {
		c, err := decodeCursor(f.After, listOwnProducts)
		if err != nil {
			return none, err
		}
		w.and("(created_at, id) < (?, ?)", c.time(), c.id)
	}
	size := pageSize(f.Limit)
	rows, _ := q.DB.Query(ctx, `SELECT `+ownProductColumns+` FROM backoffice_v1.products`+w.sql()+
		` ORDER BY created_at DESC, id DESC`+limitClause(size), w.args...)
	products, err := pgx.CollectRows(rows, pgx.RowToStructByName[OwnProduct])
	if err != nil {
		return none, fmt.Errorf("own products: %w", err)
	}
	for i := range products {
		products[i] = products[i].complete()
	}
	return cut(products, size, func(p OwnProduct) string {
		return cursorAt(false, p.CreatedAt, p.ID).encode(listOwnProducts)
	}), nil
}

// complete fills in what is stored once: the live content when it is the latest.
func (p OwnProduct) complete() OwnProduct {
	if p.LiveRevision == p.ContentRevision {
		content := p.Content
		p.LiveContent = &content
	}
	utc(&p.CreatedAt, &p.FirstSubmittedAt, &p.SubmittedAt, p.DecidedAt)
	return p
}
