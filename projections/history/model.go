// Package history is a read model: the audit trail, one row for each event.
package history

import (
	"context"
	"encoding/json"
	"fmt"

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
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/projections"
)

const (
	schema = "history_v5"

	// The tables as queries reach them.
	tableEntries = schema + ".entries"
	tableClasses = schema + ".classes"
	tableCodes   = schema + ".codes"
	tableSpans   = schema + ".spans"
	tableTexts   = schema + ".texts"
)

// Model is the audit trail: one row per event of every stream (R44).
var Model = projections.ReadModel{
	Name:   "history",
	Schema: schema,
	Applies: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
		provider.Reinstated{}, provider.Closed{}, provider.PinLimitSet{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
		product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{}, product.Deleted{},
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
		provider.FirstApproved{}, provider.ApprovalRevoked{}, product.ApprovalRevoked{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		calendar.Corrected{}, canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
	),
	DDL:     ddl,
	Indexes: indexes,
	Apply:   apply,
}

// subject is a stream as the history knows it: its current values.
type subject struct {
	kind    string
	id      uuid.UUID
	state   auditState
	content values
	// What is to be written besides the state: content is larger and changes rarely.
	contentChanged, gone bool
}

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	subjects, owners, err := loadSubjects(ctx, tx, events)
	if err != nil {
		return err
	}
	rows := columns{classes: classes{}, spans: spans{}}
	var (
		blanked []int64 // positions of rows that are to lose their content values
		at      = make(map[int64]int, len(events))
	)
	for i, e := range events {
		s := subjects[e.Stream]
		before := s.state
		var c changes
		reasons := s.fold(e.Fact, &c)
		s.own(e, owners)
		s.state.diff(before, &c)
		position := int64(e.Position) //nolint:gosec // fits a bigint
		if s.kind == product.Category && (c.content || len(reasons) > 0) {
			s.state.ContentAt = append(s.state.ContentAt, position)
		}
		if err := rows.add(e, s, &c, reasons); err != nil {
			return err
		}
		at[position] = i
		if _, ok := e.Fact.(product.Deleted); ok {
			blanked = append(blanked, s.state.ContentAt...)
			s.gone = true
		}
	}
	var stored []int64
	for _, position := range blanked {
		if i, ok := at[position]; !ok {
			stored = append(stored, position)
		} else if rows.changes[i], rows.reasons[i], err = blank(rows.changes[i], rows.reasons[i]); err != nil {
			return err
		} else {
			rows.blanked[i] = true
			rows.forget(position)
		}
	}
	if err := blankStored(ctx, tx, stored); err != nil {
		return err
	}
	var batch pgx.Batch
	rows.queue(&batch)
	if err := queueSubjects(&batch, subjects); err != nil {
		return err
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// loadSubjects gives a subject to every stream of the batch, and the providers of products that are claimed. One that the history
// does not know starts empty: a row with a missing "before" is better than no row.
func loadSubjects(ctx context.Context, tx pgx.Tx, events []projections.Event) (
	map[domain.StreamName]*subject, map[uuid.UUID]uuid.UUID, error,
) {
	subjects, owners := make(map[domain.StreamName]*subject, len(events)), map[uuid.UUID]uuid.UUID{}
	var load, changed, cases projections.Keys // changed: their content too; cases: products that are claimed
	for _, e := range events {
		s, ok := subjects[e.Stream]
		if !ok {
			id, err := e.Stream.ID()
			if err != nil {
				return nil, nil, err
			}
			s = &subject{kind: e.Stream.Category(), id: id}
			subjects[e.Stream] = s
			if e.Revision > 0 {
				load = append(load, id)
			}
		}
		if e.Revision > 0 && bringsContent(e.Fact) {
			changed = append(changed, s.id)
		}
		if claimed(e) == product.Category {
			cases = append(cases, s.id)
		}
	}
	if len(load)+len(cases) == 0 {
		return subjects, owners, nil
	}
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	if len(cases) > 0 {
		batch.Queue(`SELECT id, provider_id FROM owners WHERE id = ANY ($1)`, cases).Query(func(rows pgx.Rows) error {
			var id, provider uuid.UUID
			_, err := pgx.ForEachRow(rows, []any{&id, &provider}, func() error {
				owners[id] = provider
				return nil
			})
			return err
		})
	}
	batch.Queue(`SELECT id, kind, state, CASE WHEN id = ANY ($2) THEN content END
		FROM subjects WHERE id = ANY ($1)`, load, changed).Query(func(rows pgx.Rows) error {
		var (
			id             uuid.UUID
			kind           string
			state, content []byte
		)
		_, err := pgx.ForEachRow(rows, []any{&id, &kind, &state, &content}, func() error {
			s, ok := subjects[domain.Stream(kind, id)]
			if !ok {
				return nil
			}
			s.content = values{stored: append([]byte(nil), content...)}
			return json.Unmarshal(state, &s.state)
		})
		return err
	})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, nil, fmt.Errorf("load: %w", err)
	}
	return subjects, owners, nil
}
