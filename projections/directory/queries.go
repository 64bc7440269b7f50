package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/projections"
)

// Account is one account as operators see it.
type Account struct {
	ID          uuid.UUID
	DisplayName string
	// Enterprise is nil until the account is certified.
	Enterprise *account.Enterprise
	// Roles are the staff roles it holds, or held when it was closed.
	Roles       []domain.Role
	Closed      bool
	CloseReason string
	OpenedAt    time.Time
	ClosedAt    *time.Time
	// Revision is the stream revision.
	Revision domain.Revision
}

// Filter narrows the list of accounts; empty fields do not. Role is a staff role that it holds, or domain.RoleEnterprise of a certified
// one; a closed account holds none.
// Every word of Text is somewhere in display name, enterprise's name, code or legal representative, without regard to case and width.
type Filter struct {
	Closed *bool
	Role   domain.Role
	USCC   string
	Text   string
	After  string
	Limit  int
	// Total asks for Page.Total.
	Total bool
}

// Queries reads the directory.
type Queries struct{ DB projections.Querier }

const columns = `id, display_name, enterprise, roles, closed, close_reason, opened_at, closed_at, revision`

// Account is one account; ErrNotFound when there is none.
func (q Queries) Account(ctx context.Context, id uuid.UUID) (Account, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+columns+` FROM `+tableAccounts+` WHERE id = $1`, id)
	a, err := projections.One[Account](rows)
	if err != nil {
		return a, fmt.Errorf("account: %w", err)
	}
	projections.UTC(&a.OpenedAt, a.ClosedAt)
	return a, nil
}

// Holders are all accounts that hold a staff role now, and those that are named, the oldest first. Staff are few: there are no pages.
func (q Queries) Holders(ctx context.Context, role domain.Role, named []uuid.UUID) ([]Account, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+columns+` FROM `+tableAccounts+`
		WHERE NOT closed AND roles <> '{}' AND $1 = ANY (roles) OR id = ANY ($2) ORDER BY opened_at, id`, string(role), named)
	accounts, err := pgx.CollectRows(rows, pgx.RowToStructByName[Account])
	if err != nil {
		return nil, fmt.Errorf("holders of %s: %w", role, err)
	}
	for i := range accounts {
		projections.UTC(&accounts[i].OpenedAt, accounts[i].ClosedAt)
	}
	return accounts, nil
}

// narrow chooses the index by what finds the fewest.
func (f Filter) narrow() projections.Narrow {
	n := projections.Narrow{Words: f.Text, Nothing: f.Closed != nil && *f.Closed && f.Role != ""}
	by := func(sql string, value any, term string) {
		n.By = []projections.By{{SQL: sql, Values: []any{value}, Term: term}}
	}
	also := func(sql string, args ...any) { n.Also = append(n.Also, projections.Also{SQL: sql, Args: args}) }
	switch {
	case f.USCC != "":
		also("uscc <> ''")
		n.Few = true
		by("uscc", f.USCC, "")
	case f.Role != "" && f.Role != domain.RoleEnterprise:
		also("roles <> '{}'")
		n.Few = true
		by("("+isStaff+")", true, "")
	case f.Role == domain.RoleEnterprise:
		by("("+isEnterprise+")", true, termEnterprise)
	case f.Closed != nil:
		by("closed", *f.Closed, termClosed(*f.Closed))
	}
	if f.Closed != nil {
		also("closed = ?", *f.Closed)
	}
	switch f.Role {
	case "":
	case domain.RoleEnterprise:
		also(isEnterprise)
	default:
		also("NOT closed AND ? = ANY (roles)", string(f.Role))
	}
	return n
}

// newest is the list of accounts.
var newest = projections.Newest[Account]{
	List: projections.ListAccounts, Name: "accounts", Table: tableAccounts, Columns: columns, At: "opened_at", ID: "id", Text: "text",
	Place: func(a Account) (time.Time, uuid.UUID) { return a.OpenedAt, a.ID },
}

// Accounts lists accounts, newest first.
func (q Queries) Accounts(ctx context.Context, f Filter) (projections.Page[Account], error) {
	page, err := newest.Page(ctx, q.DB, f.narrow(), f.After, f.Limit, f.Total)
	for i := range page.Rows {
		projections.UTC(&page.Rows[i].OpenedAt, page.Rows[i].ClosedAt)
	}
	return page, err
}
