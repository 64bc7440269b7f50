package pgtest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
)

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	var migrations atomic.Int32
	migrate := func(ctx context.Context, pool *pgxpool.Pool) error {
		migrations.Add(1)
		_, err := pool.Exec(ctx, "CREATE TABLE things (v int)")
		return err
	}
	t.Run("group", func(t *testing.T) {
		for range 8 {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				pool := pgtest.Database(t, "things", migrate)
				if _, err := pool.Exec(t.Context(), "INSERT INTO things VALUES (1)"); err != nil {
					t.Fatal(err)
				}
				var n int
				if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&n); err != nil || n != 1 {
					t.Errorf("%d rows, %v", n, err)
				}
			})
		}
	})
	if got := migrations.Load(); got != 1 {
		t.Errorf("migrated %d times", got)
	}
}

func TestDroppedAtTheEnd(t *testing.T) {
	var url string
	t.Run("its test", func(t *testing.T) {
		pool := pgtest.Database(t, "", nil)
		url = pgtest.URL(pool)
		if _, err := pool.Exec(t.Context(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
		left, err := pgx.Connect(t.Context(), url) // a session that the test forgets
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = left.Close(context.Background()) })
	})
	conn, err := pgx.Connect(t.Context(), url)
	if err == nil {
		_ = conn.Close(t.Context())
		t.Fatal("the database is still there")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}
