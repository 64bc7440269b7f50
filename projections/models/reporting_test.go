package models_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain/booking"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/modeltest"
	"waybill/projections/reporting"
	"waybill/projections/runtime"
)

// viewed is a database with the tables of reporting and the views over them.
func viewed(t testing.TB) *pgxpool.Pool {
	return pgtest.Database(t, "reporting", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, []projections.ReadModel{reporting.Model})
	})
}

// TestReportingViews holds what the views show of random worlds to what is counted from their logs and from the deciders' states, by
// the calendar as it is at the end. Days pass between the commands.
func TestReportingViews(t *testing.T) {
	pool := viewed(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			History: modeltest.NewHistory(), providers: map[uuid.UUID]provider.State{}, products: map[uuid.UUID]product.State{},
			bookings: map[uuid.UUID]booking.State{}, created: map[uuid.UUID]time.Time{},
		}
		v, p := domaintest.ID("v1"), domaintest.ID("p1")
		if rapid.IntRange(0, 3).Draw(rt, "begun") > 0 {
			profile, c := domaintest.Profile("立足三亚"), domaintest.Content("海运专线")
			w.provider(v, provider.Apply{Profile: profile, Facts: domaintest.FactsOfProfile(profile)})
			w.provider(v, provider.Approve{Ruling: w.ruling(v, 1)})
			w.product(p, product.Submit{ProviderID: v, Provider: w.providers[v].Standing, Content: c, Facts: domaintest.FactsOfContent(c)})
			w.product(p, product.Approve{Ruling: domaintest.Ruling(1)})
		}
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			if rapid.IntRange(0, 2).Draw(rt, "time passes") == 0 {
				w.At = w.At.Add(time.Duration(rapid.IntRange(1, 40*60).Draw(rt, "minutes")) * time.Minute)
			}
			w.step(rt)
		}
		if len(w.Log) == 0 {
			return
		}
		modeltest.Empty(rt, pool, reporting.Model)
		start := 0
		cuts := rapid.SliceOfDistinct(rapid.IntRange(1, len(w.Log)), rapid.ID[int]).Draw(rt, "cuts")
		slices.Sort(cuts)
		for _, end := range append(cuts, len(w.Log)) {
			if err := modeltest.Apply(context.Background(), pool, reporting.Model, w.Log[start:end]); err != nil {
				rt.Fatalf("events %d to %d: %v", start, end, err)
			}
			start = end
		}
		count(w).check(rt, pool)
	})
}

// counted is what the views have to show: of each, its rows as text.
type counted map[string][]string

func (want counted) check(t *rapid.T, pool *pgxpool.Pool) {
	t.Helper()
	for view, columns := range map[string]string{
		"submissions": `kind subject_id provider_id content_revision round submitted_at submitted_day waiting_from opened_at due_at outcome
			ended_at ended_day breached waiting_minutes working_minutes revocations mode`,
		"decisions": `kind subject_id provider_id content_revision round outcome reviewer_id first_approver_id decided_at decided_day breached
			minutes_since_revision working_minutes_since_revision minutes_since_first working_minutes_since_first mode`,
		"decision_reasons":   `decision_id reason`,
		"revocations":        `revocation_id kind subject_id content_revision revoked_at revoked_day`,
		"revocation_reasons": `revocation_id reason`,
		"listings":           `product_id number provider_id content_revision pinned from_at from_day to_at to_day mode country city`,
		"bookings": `booking_id product_id provider_id enterprise_id requested_at requested_day replied_at minutes_to_reply
			working_minutes_to_reply closed_at closed_day close_reason mode`,
		"providers": `provider_id name type standing first_submitted_at first_submitted_day first_decided_at first_outcome first_approved_at`,
		"products":  `product_id provider_id first_submitted_at first_outcome first_approved_at first_listed_at public pinned deleted_at`,
		"daily": `day applications_submitted applications_approved applications_rejected applications_ended applications_revoked
			products_submitted products_approved products_rejected products_ended products_revoked products_listed products_unlisted
			products_taken_down products_deleted bookings_requested bookings_replied bookings_closed
			applications_pending products_pending products_public`,
		"reviewers": `reviewer_id first_decision_at last_decision_at`,
		"about":     `last_event_at calendar`,
	} {
		got := shown(t, pool, view, strings.Fields(columns))
		slices.Sort(want[view])
		if !slices.Equal(got, want[view]) {
			t.Fatalf("%s: %s\n got %s\nwant %s", view, columns, strings.Join(got, "\n     "), strings.Join(want[view], "\n     "))
		}
	}
}

// shown are the rows of a view as row writes them, in the order of their texts.
func shown(t modeltest.Fataler, pool *pgxpool.Pool, view string, columns []string) []string {
	t.Helper()
	from := "reporting." + view
	if slices.Contains(columns, "country") {
		from += " LEFT JOIN reporting.places USING (place_id)"
	}
	rows, _ := pool.Query(context.Background(), `SELECT `+strings.Join(columns, ", ")+` FROM `+from)
	lines, err := pgx.CollectRows(rows, rowOf)
	if err != nil {
		t.Fatalf("%s: %v", view, err)
	}
	slices.Sort(lines)
	return lines
}

// rowOf is a row of the database as row writes it.
func rowOf(r pgx.CollectableRow) (string, error) {
	values, err := r.Values()
	for i, f := range r.FieldDescriptions() {
		switch v := values[i].(type) {
		case time.Time:
			if f.DataTypeOID == pgtype.DateOID {
				values[i] = v.Format(time.DateOnly)
			}
		case [16]byte:
			values[i] = uuid.UUID(v)
		case pgtype.Numeric:
			text, err := v.Value()
			if err != nil {
				return "", err
			}
			values[i] = text
		}
	}
	return row(values...), err
}

// row is values as a line; nil pointers are null.
func row(values ...any) string {
	parts := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil:
			parts[i] = "-"
		case time.Time:
			parts[i] = v.UTC().Format(time.RFC3339Nano)
		case *time.Time:
			parts[i] = "-"
			if v != nil {
				parts[i] = v.UTC().Format(time.RFC3339Nano)
			}
		default:
			parts[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(parts, "|")
}
