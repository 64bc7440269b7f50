package history_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

// long is a history of so many accounts.
func long(t *testing.T, n int) (*pgxpool.Pool, *modeltest.History) {
	pool, h := modeltest.Tables(t), modeltest.NewHistory()
	for range n {
		h.Add("account", uuid.New(), account.Opened{DisplayName: "海丰"})
	}
	for start := 0; start < n; start += 1000 {
		if err := modeltest.Apply(t.Context(), pool, history.Model, h.Log[start:min(start+1000, n)]); err != nil {
			t.Fatal(err)
		}
	}
	return pool, h
}

// TestAnExportIsOfOneState: what is appended, and what is deleted, while an export is read, changes nothing in it.
func TestAnExportIsOfOneState(t *testing.T) {
	pool, h := long(t, 3000)
	v, p := domaintest.ID("v"), domaintest.ID("p")
	apply := func(from int) {
		t.Helper()
		if err := modeltest.Apply(t.Context(), pool, history.Model, h.Log[from:]); err != nil {
			t.Fatal(err)
		}
	}
	h.Add("product", p, product.Submitted{ProviderID: v, Revision: 1, Content: domaintest.Content("旧名")})
	apply(3000)
	whole, err := history.Open(t.Context(), pool, history.Filter{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	rows := 0
	if err := whole.Each(t.Context(), func(r *history.Row) error {
		if rows == 10 {
			h.Add("product", p, product.Deleted{})
			apply(3001)
		}
		if rows++; rows == 3001 && r.Blanked {
			t.Error("the row is blanked half-way")
		}
		return nil
	}); err != nil || rows != 3001 || whole.Position() != 3001 {
		t.Errorf("%d rows up to %d, %v", rows, whole.Position(), err)
	}
	again, err := history.Open(t.Context(), pool, history.Filter{Provider: &v}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Each(t.Context(), func(r *history.Row) error {
		if r.Position == 3001 && !r.Blanked {
			t.Error("what was deleted is exported")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestAPositionThatIsNotShownIsRefused(t *testing.T) {
	pool, _ := long(t, 3)
	for _, at := range []domain.Position{4, 1 << 63} {
		if whole, err := history.Open(t.Context(), pool, history.Filter{}, &at); !errors.Is(err, history.ErrNotShown) {
			t.Errorf("%d: %v, %v", at, whole, err)
		}
	}
	if free := pool.Stat().AcquiredConns(); free != 0 {
		t.Errorf("%d connections are held", free)
	}
}

// TestWhoGoesLeavesTheConnection: when the caller goes, or a row fails, the statement ends and the connection serves the next one.
func TestWhoGoesLeavesTheConnection(t *testing.T) {
	pool, _ := long(t, 20_000)
	backend := func() (pid uint32) {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		return conn.Conn().PgConn().PID()
	}
	// One connection, so that it is the same.
	config := pool.Config()
	config.MaxConns = 1
	one, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	pool = one
	before, failed := backend(), errors.New("full")
	for name, try := range map[string]func(whole *history.Whole, ctx context.Context, leave func()) error{
		"while rows come": func(whole *history.Whole, ctx context.Context, leave func()) error {
			return whole.Each(ctx, func(*history.Row) error { leave(); return nil })
		},
		"by a failure": func(whole *history.Whole, ctx context.Context, _ func()) error {
			return whole.Each(ctx, func(*history.Row) error { return failed })
		},
		"before": func(whole *history.Whole, ctx context.Context, leave func()) error {
			leave()
			return whole.Each(ctx, func(*history.Row) error { return nil })
		},
	} {
		ctx, leave := context.WithCancel(t.Context())
		whole, err := history.Open(ctx, pool, history.Filter{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := try(whole, ctx, leave); !errors.Is(err, failed) && !errors.Is(err, context.Canceled) && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		leave()
		whole.Close()
		if pool.Stat().AcquiredConns() != 0 || backend() != before {
			t.Errorf("%s: the connection is lost", name)
		}
	}
	start := time.Now()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := history.Open(ctx, pool, history.Filter{}, nil); err == nil {
		t.Error("somebody who is gone gets an export")
	}
	t.Logf("%v", time.Since(start))
}
