package main

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
)

// Where there is next to no /dev/shm, everything works: nothing is done in parallel, whatever the server would do.
func TestFaultLittleSharedMemory(t *testing.T) {
	t.Parallel()
	url := pgtest.LittleSharedMemory(t)
	plain, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := plain.Exec(t.Context(), `CREATE TABLE plain AS SELECT FROM generate_series(1, 9); CREATE INDEX ON plain ((1))`); err == nil {
		t.Fatal("this server has enough shared memory")
	}
	env := environ{"DATABASE_URL": url, "WAYBILL_DATA_DIR": t.TempDir()}
	for _, command := range [][]string{
		{"migrate"},
		{"seed", "--products=2000"},
		{"rebuild", "all"},
		{"verify"},
		{"prune"},
		{"report", "turnaround", "--from=2020-01-01", "--to=2020-02-01"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), command, env.get, &out); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, &out)
		}
	}
}
