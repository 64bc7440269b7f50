package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres/pgtest"
	"waybill/cmd/logcopy/logtest"
	"waybill/domain"
)

// copyProcess starts `waybill copy` as a process; done is closed when it has ended.
func copyProcess(t testing.TB, from, to string) (process *os.Process, done chan struct{}, log *logBuffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log = &logBuffer{}
	cmd := exec.Command(self, "copy", "--from=env:FROM", "--to=env:TO")
	cmd.Env = append(os.Environ(), asProgram+"=1", "FROM="+from, "TO="+to)
	cmd.Stderr = log
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done = make(chan struct{})
	go func() {
		_ = cmd.Wait() // killed, mostly
		close(done)
	}()
	return cmd.Process, done, log
}

// killCopies kills copies until one ends by itself, each a moment after it has added so much. release lets the copies
// through which the target holds up on their way, and is called after the first kill.
func killCopies(t testing.TB, from, to string, head func() domain.Position, step int, release func()) (killed int) {
	t.Helper()
	for {
		enough := head() + domain.Position(1+rand.N(step))
		process, done, log := copyProcess(t, from, to)
		for going := true; going; {
			select {
			case <-done:
				if killed == 0 {
					t.Errorf("it had ended before it was killed:\n%s", log)
				}
				return killed
			case <-time.After(time.Millisecond):
				going = head() < enough
			}
		}
		time.Sleep(rand.N(5 * time.Millisecond)) // anywhere in a write
		_ = process.Kill()                       // it may have ended
		<-done
		if killed++; killed == 1 {
			release()
		}
	}
}

// holdAt has whoever writes at a position of a database wait until release is called: nobody comes to the log's end before.
func holdAt(t testing.TB, pool *pgxpool.Pool, at int) (release func()) {
	t.Helper()
	const key = 4713
	_, err := pool.Exec(t.Context(), fmt.Sprintf(`
		CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(%d); RETURN NEW; END $$;
		CREATE TRIGGER hold BEFORE INSERT ON eventstore.events FOR EACH ROW WHEN (NEW.position = %d) EXECUTE FUNCTION public.hold()`, key, at))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, key); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_unlock($1)`, key); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCopyKilled(t *testing.T) {
	t.Parallel()
	log := logtest.Random(30_000, 500)
	from := filled(t, log)
	to, store := openDB(t)
	release := holdAt(t, to, 25_000)
	killed := killCopies(t, pgtest.URL(from), pgtest.URL(to), func() domain.Position { return endOf(t, store) }, 10_000, release)
	t.Logf("killed %d times", killed)
	logtest.Expect(t, store, log, true)
}

func TestCopyToEventStoreDBKilled(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	log := logtest.Random(4000, 200)
	from := filled(t, log)
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	// The first copy comes no further than to about two thirds.
	release := server.Inject(esdbtest.Fault{Method: esdbtest.Append, After: 900, Times: 1, Effect: esdbtest.Delay(patience)})
	killed := killCopies(t, pgtest.URL(from), server.ConnectionString(), func() domain.Position { return endOf(t, store) }, 200_000, release)
	t.Logf("killed %d times", killed)
	logtest.Expect(t, store, log, false)
}
