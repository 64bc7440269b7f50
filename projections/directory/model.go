// Package directory is a read model: all accounts, for operators to find them.
package directory

import (
	"context"
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
	schema = "directory_v2"

	// The table as queries reach it.
	tableAccounts = schema + ".accounts"
)

// Model is all accounts, the closed ones too: who they are, which roles they hold, and what became of them.
var Model = projections.ReadModel{
	Name:   "directory",
	Schema: schema,
	Applies: projections.TypesOf(
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
	),
	PassesOver: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Rejected{}, provider.Suspended{},
		provider.Reinstated{}, provider.Closed{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Rejected{}, product.Listed{}, product.Unlisted{},
		product.Pinned{}, product.Unpinned{}, product.TakenDown{}, product.PlaceMatched{}, product.Deleted{},
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		uscc.Reserved{}, uscc.Confirmed{}, provider.PinLimitSet{}, pins.Taken{},
		provider.FirstApproved{}, provider.ApprovalRevoked{}, product.ApprovalRevoked{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		calendar.Corrected{}, canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
	),
	DDL: `
CREATE TABLE accounts (
	id           uuid PRIMARY KEY,
	display_name text NOT NULL,
	enterprise   json, -- null until certified
	uscc         text COLLATE "C" NOT NULL,
	roles        text[] COLLATE "C" NOT NULL, -- the staff roles
	closed       boolean NOT NULL,
	close_reason text NOT NULL,
	opened_at    timestamptz NOT NULL,
	closed_at    timestamptz,
	revision     bigint NOT NULL,
	text         text COLLATE "C" NOT NULL, -- what a text filter looks in
	terms        integer[] NOT NULL -- by which it is found
);
ALTER TABLE accounts ALTER terms SET STATISTICS 0;`,
	Indexes: `
CREATE INDEX accounts_order ON accounts (opened_at, id);
CREATE INDEX accounts_closed ON accounts (closed, opened_at, id);
CREATE INDEX accounts_enterprise ON accounts ((` + isEnterprise + `), opened_at, id);
CREATE INDEX accounts_uscc ON accounts (uscc, opened_at, id) WHERE uscc <> '';
CREATE INDEX accounts_staff ON accounts ((` + isStaff + `), opened_at, id) WHERE roles <> '{}';
CREATE INDEX accounts_terms ON accounts USING gin (terms) WITH (gin_pending_list_limit = 256);`,
	Apply: apply,
}

// What an account is, as the indexes have it.
const (
	isEnterprise = `NOT closed AND uscc <> ''`
	isStaff      = `NOT closed AND roles <> '{}'`
)

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	accounts := map[uuid.UUID]*Account{}
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	batch.Queue(`SELECT `+columns+` FROM accounts WHERE id = ANY ($1)`, projections.SubjectsOf(events)[account.Category]).
		Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[Account])
			for _, a := range stored {
				accounts[a.ID] = a
			}
			return err
		})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, e := range events {
		if err := fold(accounts, e); err != nil {
			return e.Wrong(err)
		}
	}
	return write(ctx, tx, accounts)
}

func fold(accounts map[uuid.UUID]*Account, e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	at := projections.EventTime(e)
	if _, ok := e.Fact.(account.Opened); ok {
		accounts[id] = &Account{ID: id, OpenedAt: at}
	}
	a, ok := accounts[id]
	if !ok {
		return fmt.Errorf("%s of an account that is not there", e.Type)
	}
	// The account's own fold says what an event means; only what it does not keep is added here.
	state := account.Evolve(account.State{
		Exists: true, DisplayName: a.DisplayName, Enterprise: a.Enterprise, Roles: a.Roles, Closed: a.Closed,
	}, e.Fact)
	a.DisplayName, a.Enterprise, a.Roles, a.Closed, a.Revision = state.DisplayName, state.Enterprise, state.Roles, state.Closed, e.Revision
	if fact, ok := e.Fact.(account.Closed); ok {
		a.CloseReason, a.ClosedAt = fact.Reason, &at
	}
	return nil
}

func write(ctx context.Context, tx pgx.Tx, accounts map[uuid.UUID]*Account) error {
	var batch pgx.Batch
	for _, a := range accounts {
		var certified account.Enterprise
		if a.Enterprise != nil {
			certified = *a.Enterprise
		}
		text := projections.SearchText(a.DisplayName, certified.Name, certified.USCC, certified.LegalRepresentative)
		batch.Queue(`INSERT INTO accounts (`+columns+`, uscc, text, terms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (id) DO UPDATE SET display_name = $2, enterprise = $3, roles = $4, closed = $5, close_reason = $6,
				closed_at = $8, revision = $9, uscc = $10, text = $11, terms = $12`,
			a.ID, a.DisplayName, a.Enterprise, roleNames(a.Roles), a.Closed, a.CloseReason, a.OpenedAt, a.ClosedAt, a.Revision,
			certified.USCC, text, projections.MonthTerms(a.OpenedAt, uuid.Nil, a.terms(certified.USCC), text))
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// What an account is found by beside its text.
const termEnterprise = "enterprise"

func termClosed(closed bool) string { return fmt.Sprintf("closed %t", closed) }

func (a *Account) terms(uscc string) []string {
	terms := []string{termClosed(a.Closed)}
	if !a.Closed && uscc != "" {
		terms = append(terms, termEnterprise)
	}
	return terms
}

func roleNames(roles []domain.Role) []string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return names
}
