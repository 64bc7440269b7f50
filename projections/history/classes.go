package history

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/jackc/pgx/v5"

	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// Decision is what somebody decided about an application or a product.
type Decision string

// The decisions.
const (
	Approved      Decision = "approved"
	FirstApproved Decision = "first_approved" // the first of two approvals
	Rejected      Decision = "rejected"
	Revoked       Decision = "revoked"
)

// decided are the event types of each decision.
var decided = map[Decision][]string{
	Approved:      projections.TypesOf(provider.Approved{}, product.Approved{}),
	FirstApproved: projections.TypesOf(provider.FirstApproved{}),
	Rejected:      projections.TypesOf(provider.Rejected{}, product.Rejected{}),
	Revoked:       projections.TypesOf(provider.ApprovalRevoked{}, product.ApprovalRevoked{}),
}

// class is what few values of say of an event: there are no more classes than a log has kinds of events, by the roles that make them.
type class struct{ kind, typ, role string }

// number is the class's own: whatever order a log's events are applied in, it has the same (FNV-1a of its values).
func (c class) number() int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.kind + "\x00" + c.typ + "\x00" + c.role))
	return int64(h.Sum64()) //nolint:gosec // the bits are kept
}

// classes are those that the log has had, by number.
type classes map[int64]class

func readClasses(ctx context.Context, db projections.Querier) (classes, error) {
	all := classes{}
	rows, _ := db.Query(ctx, `SELECT id, kind, type, role FROM `+tableClasses)
	var (
		id int64
		of class
	)
	if _, err := pgx.ForEachRow(rows, []any{&id, &of.kind, &of.typ, &of.role}, func() error {
		all[id] = of
		return nil
	}); err != nil {
		return nil, fmt.Errorf("classes: %w", err)
	}
	return all, nil
}

func (c classes) queue(batch *pgx.Batch) {
	var ids []int64
	var kinds, types, roles []string
	for id, of := range c {
		ids, kinds, types, roles = append(ids, id), append(kinds, of.kind), append(types, of.typ), append(roles, of.role)
	}
	batch.Queue(`INSERT INTO classes (id, kind, type, role) SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])
		ON CONFLICT DO NOTHING`, ids, kinds, types, roles)
}

// matching are the numbers of the classes of a filter, ascending.
func (c classes) matching(f *Filter) []int64 {
	var numbers []int64
	for id, of := range c {
		if (f.Kind == "" || of.kind == f.Kind) && (f.Stream == "" || of.kind == f.Stream.Category()) &&
			(f.Type == "" || of.typ == f.Type) && (f.Role == "" || of.role == string(f.Role)) &&
			(f.Decision == "" || slices.Contains(decided[f.Decision], of.typ)) {
			numbers = append(numbers, id)
		}
	}
	slices.Sort(numbers)
	return numbers
}
