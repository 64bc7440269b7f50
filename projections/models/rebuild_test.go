package models_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/claim"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/models"
	"waybill/projections/modeltest"
)

// manyCases is a log of as many providers, each with a product that was claimed, decided and asked for.
func manyCases(n int) []projections.Event {
	h := modeltest.NewHistory()
	for i := range n {
		v, p, c, b := numbered("v", i), numbered("p", i), numbered("c", i), numbered("b", i)
		h.Add(account.Category, v, account.Opened{DisplayName: "立足三亚"})
		h.Activate(v)
		h.Add(product.Category, p, product.Submitted{ProviderID: v, Revision: 1, Content: domaintest.Content("海运专线")})
		h.Add(claim.Category, p,
			claim.Claimed{Claim: c, Kind: product.Category, Revision: 1, Reviewer: domaintest.Reviewer, Until: h.At.Add(time.Hour)},
			claim.DecisionBegun{Kind: product.Category, Revision: 1, Reviewer: domaintest.Reviewer, Claim: c})
		h.Add(product.Category, p, product.Approved{Revision: 1}, product.Listed{}, product.Pinned{})
		h.Add(booking.Category, b, booking.Requested{ProductID: p, ProviderID: v, EnterpriseID: domaintest.ID("e")}, booking.Replied{Text: "好"})
		h.Add(product.Category, p, product.ApprovalRevoked{Revision: 1, Reasons: domaintest.Unfit})
		h.Add(provider.Category, v, provider.Suspended{Reason: "停业"}, provider.Reinstated{Reason: "复业"})
	}
	return h.Log
}

func numbered(what string, i int) uuid.UUID { return domaintest.ID(fmt.Sprint(what, i)) }

// TestARebuildReadsByKeys: a rebuild makes the indexes when the tables are full, and until then finds rows by keys all the same. What
// would read a whole table for each batch takes longer with each event that there is.
func TestARebuildReadsByKeys(t *testing.T) {
	const cases = 60
	pool, log := modeltest.Tables(t), manyCases(cases)
	for _, m := range models.All {
		t.Run(m.Name, func(t *testing.T) {
			tx, err := pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback(context.Background()) // nothing of it is kept
			const schema = "rebuilt"
			if _, err := tx.Exec(t.Context(), "CREATE SCHEMA "+schema+"; SET LOCAL search_path = "+schema+";"+m.DDL); err != nil {
				t.Fatal(err)
			}
			batches := int64(0)
			for _, e := range log {
				if !slices.Contains(m.Applies, e.Type) {
					continue
				}
				if err := m.Apply(t.Context(), tx, []projections.Event{e}); err != nil {
					t.Fatal(err)
				}
				batches++
			}
			rows, _ := tx.Query(t.Context(), `SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE schemaname = $1`, schema)
			var (
				table string
				read  int64
			)
			_, err = pgx.ForEachRow(rows, []any{&table, &read}, func() error {
				if read > batches*cases/10 {
					t.Errorf("%d batches read %d rows of %s one after the other", batches, read, table)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
