package main

import (
	"io"
	"strings"
	"testing"

	"waybill/adapters/postgres/pgtest"
)

// TestCommandsOnALogThatWentBack: what would be read from another log's read models is refused with what to do, which does it.
func TestCommandsOnALogThatWentBack(t *testing.T) {
	t.Parallel()
	pool, _ := openDB(t)
	env := environ{"DATABASE_URL": pgtest.URL(pool), "WAYBILL_DATA_DIR": t.TempDir()}
	env.command(t, "seed", "--products=5", "--events=60")
	operator := idIn(t, env.command(t, "staff", "add", "--name=吴海", "--role=operator"))
	env.command(t, "staff", "add", "--name=审计员", "--role=auditor", "--as="+operator)
	env.command(t, "rebuild", "all")
	read := [][]string{{"report", "daily"}, {"export", "--as=审计员", "--format=jsonl"}, {"verify", "listing"}}
	for _, args := range read {
		env.command(t, args...)
	}
	if _, err := pool.Exec(t.Context(), `DELETE FROM projections.leases; DELETE FROM eventstore.events WHERE position > 10 AND stream NOT LIKE 'account-%';
		WITH w AS (SELECT position, row_number() OVER (ORDER BY position) AS n FROM eventstore.events)
		UPDATE eventstore.events e SET position = w.n - 1000000 FROM w WHERE e.position = w.position;
		UPDATE eventstore.events SET position = position + 1000000`); err != nil {
		t.Fatal(err)
	}
	for _, args := range read {
		err := run(t.Context(), args, env.get, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "waybill rebuild all") || !strings.Contains(err.Error(), "another log") {
			t.Errorf("%v: %v", args, err)
		}
	}
	env.command(t, "rebuild", "all")
	for _, args := range read {
		env.command(t, args...)
	}
}
