package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

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

// killCopies kills copies until one ends by itself, each a moment after it has added so much.
func killCopies(t testing.TB, from, to string, head func() domain.Position, step int) (killed int) {
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
		killed++
	}
}

func TestCopyKilled(t *testing.T) {
	t.Parallel()
	log := logtest.Random(30_000, 500)
	from := filled(t, log)
	to, store := openDB(t)
	killed := killCopies(t, pgtest.URL(from), pgtest.URL(to), func() domain.Position { return endOf(t, store) }, 10_000)
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
	killed := killCopies(t, pgtest.URL(from), server.ConnectionString(), func() domain.Position { return endOf(t, store) }, 200_000)
	t.Logf("killed %d times", killed)
	logtest.Expect(t, store, log, false)
}
