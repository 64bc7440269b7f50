package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain/booking"
)

// Booking is a booking inquiry as either side sees it (R36–R40).
type Booking struct {
	ID              uuid.UUID
	ProductID       uuid.UUID
	ProductRevision int
	// ProductName is as the enterprise saw it; blank once the product is deleted (Q16).
	ProductName    string
	ProductDeleted bool
	ProviderID     uuid.UUID
	EnterpriseID   uuid.UUID
	EnterpriseName string
	Inquiry        booking.Inquiry
	State          string // "awaiting_reply", "replied" or "closed"
	CloseReason    booking.CloseReason
	Replies        []Reply
	// ReadNumber is the last message of the thread that the enterprise has read; 0 before (Q21).
	ReadNumber  int
	ReadAt      *time.Time
	RequestedAt time.Time
	RepliedAt   *time.Time
	ClosedAt    *time.Time
	// Revision is the stream revision, for ETag and If-Match.
	Revision uint64
}

// Reply is one message of a booking's thread (Q20).
type Reply struct {
	Number int       `json:"number"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
}

// BookingFilter narrows a list of bookings; an empty State does not.
type BookingFilter struct {
	State string
	After string
	Limit int
}

// BookingQueries reads bookings.
type BookingQueries struct{ DB Querier }

const bookingColumns = `id, product_id, product_revision, product_name, product_deleted, provider_id, enterprise_id,
	enterprise_name, inquiry, state, close_reason, replies, read_number, read_at, requested_at, replied_at, closed_at, revision`

// ByProvider lists the bookings on a provider's products, newest first (R36).
func (q BookingQueries) ByProvider(ctx context.Context, provider uuid.UUID, f BookingFilter) (Page[Booking], error) {
	return q.list(ctx, "provider_id = ?", provider, f)
}

// ByEnterprise lists the bookings an enterprise made, newest first (R38).
func (q BookingQueries) ByEnterprise(ctx context.Context, enterprise uuid.UUID, f BookingFilter) (Page[Booking], error) {
	return q.list(ctx, "enterprise_id = ?", enterprise, f)
}

func (q BookingQueries) list(ctx context.Context, side string, owner uuid.UUID, f BookingFilter) (Page[Booking], error) {
	var none Page[Booking]
	w := where{}
	w.and(side, owner)
	if f.State != "" {
		w.and("state = ?", f.State)
	}
	if f.After != "" {
		c, err := decodeCursor(f.After, listBookings)
		if err != nil {
			return none, err
		}
		w.and("(requested_at, id) < (?, ?)", c.time(), c.id)
	}
	size := pageSize(f.Limit)
	rows, _ := q.DB.Query(ctx, `SELECT `+bookingColumns+` FROM bookings_v1.bookings`+w.sql()+
		` ORDER BY requested_at DESC, id DESC`+limitClause(size), w.args...)
	bookings, err := pgx.CollectRows(rows, pgx.RowToStructByName[Booking])
	if err != nil {
		return none, fmt.Errorf("bookings: %w", err)
	}
	for i := range bookings {
		bookings[i].utc()
	}
	return cut(bookings, size, func(b Booking) string {
		return cursorAt(false, b.RequestedAt, b.ID).encode(listBookings)
	}), nil
}

// OfProvider is one booking on a provider's product; ErrNotFound when it is another's (R40).
func (q BookingQueries) OfProvider(ctx context.Context, provider, id uuid.UUID) (Booking, error) {
	return q.one(ctx, `id = $1 AND provider_id = $2`, id, provider)
}

// OfEnterprise is one booking an enterprise made; ErrNotFound when it is another's (R40).
func (q BookingQueries) OfEnterprise(ctx context.Context, enterprise, id uuid.UUID) (Booking, error) {
	return q.one(ctx, `id = $1 AND enterprise_id = $2`, id, enterprise)
}

// Get is one booking for either side of it; ErrNotFound when party is neither (R40).
func (q BookingQueries) Get(ctx context.Context, party, id uuid.UUID) (Booking, error) {
	return q.one(ctx, `id = $1 AND $2 IN (provider_id, enterprise_id)`, id, party)
}

func (q BookingQueries) one(ctx context.Context, condition string, args ...any) (Booking, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+bookingColumns+` FROM bookings_v1.bookings WHERE `+condition, args...)
	b, err := one[Booking](rows)
	if err != nil {
		return b, fmt.Errorf("booking: %w", err)
	}
	b.utc()
	return b, nil
}

// OpenBookingsOfProduct is every booking on a product that awaits its reply, oldest first (Q17).
func (q BookingQueries) OpenBookingsOfProduct(ctx context.Context, product uuid.UUID) ([]uuid.UUID, error) {
	return q.open(ctx, `product_id = $1`, product)
}

// OpenBookingsOfProvider is every booking on any of a provider's products that awaits its reply, oldest first.
func (q BookingQueries) OpenBookingsOfProvider(ctx context.Context, provider uuid.UUID) ([]uuid.UUID, error) {
	return q.open(ctx, `provider_id = $1`, provider)
}

func (q BookingQueries) open(ctx context.Context, condition string, id uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := q.DB.Query(ctx, `SELECT id FROM bookings_v1.bookings WHERE state = 'awaiting_reply' AND `+condition+
		` ORDER BY requested_at, id`, id)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("open bookings: %w", err)
	}
	return ids, nil
}

func (b *Booking) utc() {
	utc(&b.RequestedAt, b.ReadAt, b.RepliedAt, b.ClosedAt)
	for i := range b.Replies {
		utc(&b.Replies[i].At)
	}
}
