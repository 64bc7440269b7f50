package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/projections"
	"waybill/projections/directory"
	"waybill/projections/runtime"
)

// knownAccount is an open account as a command looks for it.
type knownAccount struct {
	ID          uuid.UUID
	DisplayName string
	Roles       []domain.Role
	OpenedAt    time.Time
}

// staff are the open accounts that hold a role of staff, the oldest first.
func (a *app) staff(ctx context.Context) ([]knownAccount, error) {
	return a.lookUp(ctx, func(q directory.Queries) ([]directory.Account, error) {
		var all []directory.Account
		for _, role := range []domain.Role{domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator} {
			holders, err := q.Holders(ctx, role, nil)
			if err != nil {
				return nil, err
			}
			all = append(all, holders...)
		}
		return all, nil
	}, func(one knownAccount) bool { return len(one.Roles) > 0 })
}

// openAccounts are those of a display name, the oldest first.
func (a *app) openAccounts(ctx context.Context, name string) ([]knownAccount, error) {
	return a.lookUp(ctx, func(q directory.Queries) ([]directory.Account, error) {
		var all []directory.Account
		for f := (directory.Filter{Closed: new(false), Text: name, Limit: projections.MaxPage}); ; {
			page, err := q.Accounts(ctx, f)
			if err != nil {
				return nil, err
			}
			all = append(all, page.Rows...)
			if f.After = page.Next; f.After == "" {
				return all, nil
			}
		}
	}, func(one knownAccount) bool { return one.DisplayName == name })
}

// lookUp gives the open accounts that are wanted, the oldest first: those that are found in the read model, or, when that does not show the
// whole log, as before the first node is there, those of all accounts in the log, however long it takes to read it.
func (a *app) lookUp(ctx context.Context, find func(directory.Queries) ([]directory.Account, error), wanted func(knownAccount) bool,
) ([]knownAccount, error) {
	var all []knownAccount
	sure, err := runtime.UpToDate(ctx, a.pool, a.store, directory.Model, func(db projections.Querier) error {
		found, err := find(directory.Queries{DB: db})
		for _, one := range found {
			all = append(all, knownAccount{ID: one.ID, DisplayName: one.DisplayName, Roles: one.Roles, OpenedAt: one.OpenedAt})
		}
		return err
	})
	if err == nil && !sure {
		all, err = a.accountsOfLog(ctx)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b knownAccount) int {
		return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), slices.Compare(a.ID[:], b.ID[:]))
	})
	all = slices.CompactFunc(all, func(a, b knownAccount) bool { return a.ID == b.ID })
	return slices.DeleteFunc(all, func(one knownAccount) bool { return !wanted(one) }), nil
}

// accountsOfLog are the open ones.
func (a *app) accountsOfLog(ctx context.Context) ([]knownAccount, error) {
	listed, err := a.commands.Accounts(ctx)
	var all []knownAccount
	for _, one := range listed {
		if s := one.State; !s.Closed {
			all = append(all, knownAccount{ID: one.ID, DisplayName: s.DisplayName, Roles: s.Roles, OpenedAt: one.OpenedAt})
		}
	}
	return all, err
}
