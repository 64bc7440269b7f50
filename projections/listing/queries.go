package listing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/projections"
)

// Card is a product in the public list: its approved content (R29, R31) and whose it is.
type Card struct {
	ID           uuid.UUID
	ProviderID   uuid.UUID
	ProviderName string
	ProviderLogo domain.ImageRef
	Name         string
	Brief        string
	Tags         []string
	Mode         product.Mode
	Destination  product.Destination
	// Point is where the destination is, in WGS-84.
	Point place.Point
	Cover domain.ImageRef
	// ContentRevision is the approved revision that is shown.
	ContentRevision domain.ContentRevision
	Pinned          bool
	// CreatedAt is when the product was first submitted, to the microsecond.
	CreatedAt time.Time
}

// Product is the detail page of a product (R30, R31).
type Product struct {
	Card
	Details              []domain.ImageRef
	ProviderIntroduction string
	// Revision and ProviderRevision are stream revisions: together they change whenever anything shown here does.
	Revision         domain.Revision
	ProviderRevision domain.Revision
}

// Filter narrows the public list; empty fields do not. All given ones must hold. Country, city and tags match whole values and Text any
// part of name, brief, tags, country or city, all without regard to case and width.
type Filter struct {
	// Modes are those it may have; Tags are those it must have, all of them.
	Modes   []product.Mode
	Country string
	City    string
	Tags    []string
	// Provider is whose they are; nil is anybody.
	Provider *uuid.UUID
	Text     string
	After    string
	Limit    int
	// Total asks for Page.Total.
	Total bool
}

// Queries reads the public listing.
type Queries struct{ DB projections.Querier }

// Product is the public detail of a product; ErrNotFound when it is not public (R45).
func (q Queries) Product(ctx context.Context, id uuid.UUID) (Product, error) {
	var p Product
	row := q.DB.QueryRow(ctx, `SELECT `+cardColumns+`, d.details, v.introduction, p.revision, v.revision
		FROM `+tableProducts+` p JOIN `+tableDetails+` d ON d.id = p.id JOIN `+tableProviders+` v ON v.id = p.provider_id
		WHERE p.id = $1 AND p.public`, id)
	err := row.Scan(append(p.targets(), &p.Details, &p.ProviderIntroduction, &p.Revision, &p.ProviderRevision)...)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return p, domain.ErrNotFound
	case err != nil:
		return p, fmt.Errorf("public product: %w", err)
	}
	return p, nil
}

const cardColumns = `p.id, p.provider_id, v.name, v.logo, p.name, p.brief, p.tags, p.mode, p.country, p.city,
	p.latitude, p.longitude, p.crs, p.wgs_latitude, p.wgs_longitude, p.cover, p.live_revision, p.pinned, p.created_at`

func (c *Card) targets() []any {
	d := &c.Destination
	return []any{
		&c.ID, &c.ProviderID, &c.ProviderName, &c.ProviderLogo, &c.Name, &c.Brief, &c.Tags, &c.Mode, &d.Country, &d.City,
		&d.Latitude, &d.Longitude, &d.CRS, &c.Point.Latitude, &c.Point.Longitude, &c.Cover, &c.ContentRevision, &c.Pinned, &c.CreatedAt,
	}
}
