package bookings

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/projections"
)

// Booking is a booking inquiry as either side sees it (R36–R40).
type Booking struct {
	ID              uuid.UUID
	ProductID       uuid.UUID
	ProductRevision domain.ContentRevision
	// ProductName is as the enterprise saw it; blank once the product is deleted (Q16).
	ProductName    string
	ProductDeleted bool
	ProviderID     uuid.UUID
	// ProviderName is as the enterprise saw it; empty where the event does not say.
	ProviderName   string
	EnterpriseID   uuid.UUID
	EnterpriseName string
	Inquiry        booking.Inquiry
	State          booking.Status
	CloseReason    booking.CloseReason
	Replies        []Reply
	// ReadNumber is the last message of the thread that the enterprise has read; 0 before (Q21).
	ReadNumber  int
	ReadAt      *time.Time
	RequestedAt time.Time
	RepliedAt   *time.Time
	ClosedAt    *time.Time
	// Revision is the stream revision, for ETag and If-Match.
	Revision domain.Revision
}

// Reply is one message of a booking's thread (Q20).
type Reply struct {
	Number int       `json:"number"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
	// System says that Waybill spoke in the provider's stead (Q17).
	System bool `json:"system,omitempty"`
}

// Filter narrows a list of bookings; empty fields do not.
type Filter struct {
	State   booking.Status
	Product *uuid.UUID
	// Unread keeps bookings with a reply that the enterprise has not read yet, or those without one.
	Unread *bool
	After  string
	Limit  int
	// Total asks for Page.Total.
	Total bool
}

// Queries reads bookings.
type Queries struct{ DB projections.Querier }

const bookingColumns = `id, product_id, product_revision, product_name, product_deleted, provider_id, enterprise_id,
	enterprise_name, inquiry, state, close_reason, replies, read_number, read_at, requested_at, replied_at, closed_at, revision,
	provider_name`

// ByProvider lists the bookings on a provider's products, newest first (R36).
func (q Queries) ByProvider(ctx context.Context, provider uuid.UUID, f Filter) (projections.Page[Booking], error) {
	return q.list(ctx, narrow("provider_id", provider, f), f)
}

// ByEnterprise lists the bookings an enterprise made, newest first (R38).
func (q Queries) ByEnterprise(ctx context.Context, enterprise uuid.UUID, f Filter) (projections.Page[Booking], error) {
	return q.list(ctx, narrow("enterprise_id", enterprise, f), f)
}

// newest is the list of bookings.
var newest = projections.Newest[Booking]{
	List: projections.ListBookings, Name: "bookings", Table: tableBookings, Columns: bookingColumns, At: "requested_at", ID: "id",
	Place: func(b Booking) (time.Time, uuid.UUID) { return b.RequestedAt, b.ID },
}

// narrow reads a list of one side's. A state and what is unread have few values: where only one of the two is asked for, or neither beside
// a product, the stretches of the others' values are merged.
func narrow(side string, owner uuid.UUID, f Filter) projections.Narrow {
	n := projections.Narrow{By: []projections.By{{SQL: side, Values: []any{owner}}}}
	if f.Product != nil {
		n.By = append(n.By, projections.By{SQL: "product_id", Values: []any{*f.Product}})
	}
	if f.State == "" && f.Product == nil && f.Unread == nil {
		return n
	}
	state := projections.By{SQL: "state", Values: []any{booking.StatusAwaitingReply, booking.StatusReplied, booking.StatusClosed}}
	if f.State != "" {
		state.Values = []any{f.State}
	}
	unread := projections.By{SQL: "unread", Values: []any{false, true}}
	if f.Unread != nil {
		unread.Values = []any{*f.Unread}
	}
	n.By = append(n.By, state, unread)
	return n
}

func (q Queries) list(ctx context.Context, n projections.Narrow, f Filter) (projections.Page[Booking], error) {
	page, err := newest.Page(ctx, q.DB, n, f.After, f.Limit, f.Total)
	for i := range page.Rows {
		page.Rows[i].utc()
	}
	return page, err
}

// AwaitingReply counts the bookings an enterprise made that await their reply.
func (q Queries) AwaitingReply(ctx context.Context, enterprise uuid.UUID) (projections.Count, error) {
	return newest.Count(ctx, q.DB, narrow("enterprise_id", enterprise, Filter{State: booking.StatusAwaitingReply}))
}

// UnreadReplies counts the bookings an enterprise made that have a reply it has not read.
func (q Queries) UnreadReplies(ctx context.Context, enterprise uuid.UUID) (projections.Count, error) {
	unread := true
	return newest.Count(ctx, q.DB, narrow("enterprise_id", enterprise, Filter{Unread: &unread}))
}

// ReceivedAwaitingReply counts the bookings on a provider's products that await its reply.
func (q Queries) ReceivedAwaitingReply(ctx context.Context, provider uuid.UUID) (projections.Count, error) {
	return newest.Count(ctx, q.DB, narrow("provider_id", provider, Filter{State: booking.StatusAwaitingReply}))
}

// OfProvider is one booking on a provider's product; ErrNotFound when it is another's (R40).
func (q Queries) OfProvider(ctx context.Context, provider, id uuid.UUID) (Booking, error) {
	return q.one(ctx, `id = $1 AND provider_id = $2`, id, provider)
}

// OfEnterprise is one booking an enterprise made; ErrNotFound when it is another's (R40).
func (q Queries) OfEnterprise(ctx context.Context, enterprise, id uuid.UUID) (Booking, error) {
	return q.one(ctx, `id = $1 AND enterprise_id = $2`, id, enterprise)
}

// Get is one booking for either side of it; ErrNotFound when party is neither (R40).
func (q Queries) Get(ctx context.Context, party, id uuid.UUID) (Booking, error) {
	return q.one(ctx, `id = $1 AND $2 IN (provider_id, enterprise_id)`, id, party)
}

func (q Queries) one(ctx context.Context, condition string, args ...any) (Booking, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+bookingColumns+` FROM `+tableBookings+` WHERE `+condition, args...)
	b, err := projections.One[Booking](rows)
	if err != nil {
		return b, fmt.Errorf("booking: %w", err)
	}
	b.utc()
	return b, nil
}

// OpenBookingsOfProduct is every booking on a product that awaits its reply, oldest first (Q17).
func (q Queries) OpenBookingsOfProduct(ctx context.Context, product uuid.UUID) ([]uuid.UUID, error) {
	return q.open(ctx, `product_id = $1`, product)
}

// OpenBookingsOfProvider is every booking on any of a provider's products that awaits its reply, oldest first.
func (q Queries) OpenBookingsOfProvider(ctx context.Context, provider uuid.UUID) ([]uuid.UUID, error) {
	return q.open(ctx, `provider_id = $1`, provider)
}

// OpenBookingsOfEnterprise is every booking an enterprise made that awaits its reply, oldest first.
func (q Queries) OpenBookingsOfEnterprise(ctx context.Context, enterprise uuid.UUID) ([]uuid.UUID, error) {
	return q.open(ctx, `enterprise_id = $1`, enterprise)
}

func (q Queries) open(ctx context.Context, condition string, id uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := q.DB.Query(ctx, `SELECT id FROM `+tableBookings+` WHERE state = '`+string(booking.StatusAwaitingReply)+`' AND `+condition+
		` ORDER BY requested_at, id`, id)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("open bookings: %w", err)
	}
	return ids, nil
}

func (b *Booking) utc() {
	projections.UTC(&b.RequestedAt, b.ReadAt, b.RepliedAt, b.ClosedAt)
	for i := range b.Replies {
		projections.UTC(&b.Replies[i].At)
	}
}
