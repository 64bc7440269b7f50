// Package bookings is a read model: booking inquiries, for both of their sides.
package bookings

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
	schema = "bookings_v3"

	// The table as queries reach it.
	tableBookings = schema + ".bookings"
)

// Model is booking inquiries for both of their sides (R36–R40). Of products it reads only that they were deleted.
var Model = projections.ReadModel{
	Name:   "bookings",
	Schema: schema,
	Applies: projections.TypesOf(
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		product.Deleted{},
	),
	PassesOver: projections.TypesOf(
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
		product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{},
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
		provider.Reinstated{}, provider.Closed{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, provider.PinLimitSet{}, pins.Taken{},
		provider.FirstApproved{}, provider.ApprovalRevoked{}, product.ApprovalRevoked{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		calendar.Corrected{}, canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
	),
	DDL: `
CREATE TABLE bookings (
	id               uuid PRIMARY KEY,
	product_id       uuid NOT NULL,
	product_revision integer NOT NULL,
	product_name     text NOT NULL,
	product_deleted  boolean NOT NULL,
	provider_id      uuid NOT NULL,
	enterprise_id    uuid NOT NULL,
	enterprise_name  text NOT NULL,
	inquiry          json NOT NULL,
	state            text COLLATE "C" NOT NULL,
	close_reason     text NOT NULL,
	replies          json NOT NULL,
	read_number      integer NOT NULL,
	read_at          timestamptz,
	requested_at     timestamptz NOT NULL,
	replied_at       timestamptz,
	closed_at        timestamptz,
	revision         bigint NOT NULL,
	provider_name    text NOT NULL,
	unread           boolean GENERATED ALWAYS AS (json_array_length(replies) > read_number) STORED
);
CREATE INDEX bookings_product ON bookings (product_id, requested_at, id);

-- A booking may come after its product's deletion.
CREATE TABLE deleted_products (id uuid PRIMARY KEY);`,
	Indexes: `
CREATE INDEX bookings_provider ON bookings (provider_id, requested_at, id);
CREATE INDEX bookings_provider_state ON bookings (provider_id, state, unread, requested_at, id);
CREATE INDEX bookings_provider_product ON bookings (provider_id, product_id, state, unread, requested_at, id);
CREATE INDEX bookings_enterprise ON bookings (enterprise_id, requested_at, id);
CREATE INDEX bookings_enterprise_state ON bookings (enterprise_id, state, unread, requested_at, id);
CREATE INDEX bookings_enterprise_product ON bookings (enterprise_id, product_id, state, unread, requested_at, id);`,
	Apply: apply,
}

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	var booked, deleted projections.Keys
	bookings := map[uuid.UUID]*Booking{}
	for _, e := range events {
		id, err := e.Stream.ID()
		if err != nil {
			return err
		}
		switch e.Fact.(type) {
		case product.Deleted:
			deleted = append(deleted, id)
		case booking.Requested, booking.Replied, booking.Read, booking.Closed:
			booked = append(booked, id)
		}
	}
	if len(booked)+len(deleted) == 0 {
		return nil
	}
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	batch.Queue(`SELECT `+bookingColumns+` FROM bookings WHERE id = ANY ($1)`, booked).Query(func(rows pgx.Rows) error {
		stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[Booking])
		for _, b := range stored {
			b.utc()
			bookings[b.ID] = b
		}
		return err
	})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, e := range events {
		if err := fold(bookings, e); err != nil {
			return e.Wrong(err)
		}
	}
	return write(ctx, tx, bookings, deleted)
}

func fold(bookings map[uuid.UUID]*Booking, e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	at := projections.EventTime(e)
	if fact, ok := e.Fact.(booking.Requested); ok {
		bookings[id] = &Booking{
			ID: id, ProductID: fact.ProductID, ProductRevision: fact.ProductRevision, ProductName: fact.ProductName,
			ProviderID: fact.ProviderID, ProviderName: fact.ProviderName,
			EnterpriseID: fact.EnterpriseID, EnterpriseName: fact.EnterpriseName,
			Inquiry: fact.Inquiry, State: booking.Status("").After(fact), Replies: []Reply{}, RequestedAt: at, Revision: e.Revision,
		}
		return nil
	}
	if e.Stream.Category() != booking.Category {
		return nil
	}
	b, ok := bookings[id]
	if !ok {
		return fmt.Errorf("%s of a booking that is not there", e.Type)
	}
	b.State = b.State.After(e.Fact)
	switch fact := e.Fact.(type) {
	case booking.Replied:
		b.RepliedAt = &at
		b.Replies = append(b.Replies, Reply{Number: fact.Number, Text: fact.Text, At: at})
	case booking.Read:
		b.ReadNumber, b.ReadAt = fact.Number, &at
	case booking.Closed:
		b.CloseReason, b.ClosedAt = fact.Reason, &at
		if said := fact.Reason.SystemReply(); said != "" {
			b.Replies = append(b.Replies, Reply{Number: len(b.Replies) + 1, Text: said, At: at, System: true})
		}
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	b.Revision = e.Revision
	return nil
}

func write(ctx context.Context, tx pgx.Tx, bookings map[uuid.UUID]*Booking, deleted projections.Keys) error {
	var batch pgx.Batch
	var ids projections.Keys
	for _, b := range bookings {
		ids = append(ids, b.ID)
		inquiry, err := json.Marshal(b.Inquiry)
		if err != nil {
			return fmt.Errorf("inquiry: %w", err)
		}
		replies, err := json.Marshal(b.Replies)
		if err != nil {
			return fmt.Errorf("replies: %w", err)
		}
		batch.Queue(`INSERT INTO bookings (`+bookingColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
			ON CONFLICT (id) DO UPDATE SET state = $10, close_reason = $11, replies = $12, read_number = $13, read_at = $14,
				replied_at = $16, closed_at = $17, revision = $18`,
			b.ID, b.ProductID, b.ProductRevision, b.ProductName, b.ProductDeleted, b.ProviderID, b.EnterpriseID, b.EnterpriseName,
			inquiry, b.State, b.CloseReason, replies, b.ReadNumber, b.ReadAt, b.RequestedAt, b.RepliedAt, b.ClosedAt, b.Revision,
			b.ProviderName)
	}
	if len(deleted) > 0 {
		batch.Queue(`INSERT INTO deleted_products SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING`, deleted)
	}
	// Only the name: that an enterprise asked, and was answered, stays (Q16).
	batch.Queue(`UPDATE bookings SET product_name = '', product_deleted = true WHERE product_id = ANY ($1)`, deleted)
	batch.Queue(`UPDATE bookings b SET product_name = '', product_deleted = true FROM deleted_products d
		WHERE b.id = ANY ($1) AND d.id = b.product_id AND NOT b.product_deleted`, ids)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
