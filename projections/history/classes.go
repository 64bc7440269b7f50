package history

import (
	"context"
	"fmt"
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

// classes are those that the log has had, by number: all, or those of a batch's types.
type classes struct {
	numbers map[class]int16
	// next is the number of the next new one; those from stored on are not in the table.
	next, stored int16
}

func readClasses(ctx context.Context, db projections.Querier) (*classes, error) {
	var c classes
	rows, _ := db.Query(ctx, `SELECT id, kind, type, role FROM `+tableClasses)
	return &c, c.read(rows)
}

func (c *classes) read(rows pgx.Rows) error {
	c.numbers = map[class]int16{}
	var (
		id int16
		of class
	)
	if _, err := pgx.ForEachRow(rows, []any{&id, &of.kind, &of.typ, &of.role}, func() error {
		c.numbers[of] = id
		return nil
	}); err != nil {
		return fmt.Errorf("classes: %w", err)
	}
	return nil
}

// load reads those of types, in the projector's transaction.
func (c *classes) load(batch *pgx.Batch, types []string) {
	batch.Queue(`SELECT id, kind, type, role FROM classes WHERE type = ANY ($1)`, types).Query(c.read)
	batch.Queue(`SELECT coalesce(max(id) + 1, 0) FROM classes`).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&c.next)
		c.stored = c.next
		return err
	})
}

// number is that of a class, which gets one if it has none.
func (c *classes) number(of class) int16 {
	n, ok := c.numbers[of]
	if !ok {
		n = c.next
		c.next++
		c.numbers[of] = n
	}
	return n
}

// queue writes those that are new.
func (c *classes) queue(batch *pgx.Batch) {
	for of, id := range c.numbers {
		if id >= c.stored {
			batch.Queue(`INSERT INTO classes (id, kind, type, role) VALUES ($1, $2, $3, $4)`, id, of.kind, of.typ, of.role)
		}
	}
}

// matching are the numbers of the classes of a filter, ascending.
func (c *classes) matching(f *Filter) []int16 {
	var numbers []int16
	for of, id := range c.numbers {
		if (f.Kind == "" || of.kind == f.Kind) && (f.Stream == "" || of.kind == f.Stream.Category()) && (f.Type == "" || of.typ == f.Type) &&
			(f.Role == "" || of.role == string(f.Role)) && (f.Decision == "" || slices.Contains(decided[f.Decision], of.typ)) {
			numbers = append(numbers, id)
		}
	}
	slices.Sort(numbers)
	return numbers
}
