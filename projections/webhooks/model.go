// Package webhooks is a read model: the webhooks, whose they are, and which of them are told of anything at the moment.
package webhooks

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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
	schema = "webhooks_v2"

	// The tables as queries reach them.
	tableHooks  = schema + ".hooks"
	tableOwners = schema + ".owners"
)

// Model is all webhooks, those that were removed too, and which owners are suspended or closed.
var Model = projections.ReadModel{
	Name:   "webhooks",
	Schema: schema,
	Applies: projections.TypesOf(
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
		provider.Suspended{}, provider.Reinstated{}, provider.Closed{}, account.Closed{},
	),
	PassesOver: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.PinLimitSet{},
		provider.FirstApproved{}, provider.ApprovalRevoked{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
		product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{}, product.Deleted{}, product.ApprovalRevoked{},
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		calendar.Corrected{}, canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
	),
	DDL: `
CREATE TABLE hooks (
	id            uuid PRIMARY KEY,
	owner         uuid NOT NULL, -- the provider; the nil id of one that is told of all
	url           text NOT NULL,
	types         text[] COLLATE "C" NOT NULL, -- none is all
	label         text NOT NULL,
	standing      text COLLATE "C" NOT NULL,
	reason        text NOT NULL,
	position      bigint NOT NULL, -- of the registration
	registered_at timestamptz NOT NULL,
	rotated_at    timestamptz NOT NULL, -- since when the newest secret signs
	retires_at    timestamptz, -- until when others sign as well
	ended_at      timestamptz, -- when it was removed
	revision      bigint NOT NULL
);
CREATE TABLE owners (
	id        uuid PRIMARY KEY,
	suspended boolean NOT NULL DEFAULT false,
	closed    boolean NOT NULL DEFAULT false
);`,
	Indexes: `
CREATE INDEX hooks_order ON hooks (registered_at, id);
CREATE INDEX hooks_standing ON hooks (standing, registered_at, id);
CREATE INDEX hooks_owner ON hooks (standing, owner, registered_at, id);
CREATE INDEX hooks_told ON hooks (owner, id) WHERE standing <> 'removed';
CREATE INDEX hooks_held ON hooks (id) WHERE standing = 'paused';
CREATE INDEX owners_suspended ON owners (id) WHERE suspended;`,
	Apply: apply,
}

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	var batch pgx.Batch
	for _, e := range events {
		if err := queue(&batch, e); err != nil {
			return e.Wrong(err)
		}
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func queue(batch *pgx.Batch, e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	at := projections.EventTime(e)
	hook := func(set string, args ...any) {
		batch.Queue(`UPDATE hooks SET revision = $2, `+set+` WHERE id = $1`, append([]any{id, e.Revision}, args...)...).
			Exec(func(tag pgconn.CommandTag) error {
				if tag.RowsAffected() == 0 {
					return e.Wrong(fmt.Errorf("%s of a webhook that is not there", e.Type))
				}
				return nil
			})
	}
	owner := func(column string, value bool) {
		batch.Queue(`INSERT INTO owners (id, `+column+`) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET `+column+` = $2`, id, value)
	}
	switch fact := e.Fact.(type) {
	case webhook.Registered:
		batch.Queue(`INSERT INTO hooks (id, owner, url, types, label, standing, reason, position, registered_at, rotated_at, revision)
			VALUES ($1, $2, $3, $4, $5, $6, '', $7, $8, $8, $9)`,
			id, fact.Owner, fact.URL, typesOf(fact.Target), fact.Label, webhook.Active, e.Position, at, e.Revision)
	case webhook.Changed:
		hook(`url = $3, types = $4, label = $5`, fact.URL, typesOf(fact.Target), fact.Label)
	case webhook.SecretRotated:
		hook(`rotated_at = $3, retires_at = $4`, at, fact.RetiresAt)
	case webhook.Paused:
		hook(`standing = $3, reason = $4`, webhook.OnHold, fact.Reason)
	case webhook.Resumed:
		hook(`standing = $3, reason = ''`, webhook.Active)
	case webhook.Removed:
		hook(`standing = $3, reason = $4, retires_at = NULL, ended_at = $5`, webhook.Ended, fact.Reason, at)
	case provider.Suspended:
		owner("suspended", true)
	case provider.Reinstated:
		owner("suspended", false)
	case provider.Closed, account.Closed:
		owner("closed", true)
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

func typesOf(t webhook.Target) []string {
	if t.Types == nil {
		return []string{}
	}
	return t.Types
}
