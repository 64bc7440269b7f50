package logcopy

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/cmd/logcopy/logtest"
	"waybill/domain"
)

// copyInFlight copies in small chunks with many appends under way.
func copyInFlight(ctx context.Context, t testing.TB, from, to domain.EventStore, inFlight int) (report string, err error) {
	t.Helper()
	k := newCopier(from, to)
	k.chunkEvents, k.chunkBytes, k.inFlight = 400, 1<<20, inFlight
	file, err := os.Create(filepath.Join(t.TempDir(), "progress"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	k.progress = newProgress(file)
	defer k.progress.close()
	return k.run(ctx, false)
}

// Many appends under way at once leave the same log, whatever interrupts them, and the same digest.
func TestCopyWithManyUnderWay(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t)
	log := logtest.Random(3000, 100)
	from, to := filled(t, log), openESDB(t, server, "")
	for i, effect := range []esdbtest.Effect{
		esdbtest.DropBefore(), esdbtest.DropAfter(), esdbtest.AbortAfter(), esdbtest.NotLeader(server.Addr()), esdbtest.DropBefore(),
	} {
		server.Inject(esdbtest.Fault{Method: esdbtest.BatchAppend, After: 100 + 200*i, Times: 1, Effect: effect})
	}
	restarted := &meddled{EventStore: from.EventStore, every: 700, times: 3, meddle: func() {
		if err := server.Restart(); err != nil {
			t.Error(err)
		}
	}}
	report, err := copyInFlight(t.Context(), t, restarted, to.EventStore, 64)
	if err != nil {
		t.Fatal(err)
	}
	logtest.Expect(t, to, log, false)
	if server.Faulted() < 5 || restarted.done != restarted.times {
		t.Errorf("only %d calls failed, %d restarts", server.Faulted(), restarted.done)
	}
	odd, other := logtest.Odd(500), openESDB(t, esdbtest.Start(t), "odd.")
	if _, err := copyInFlight(t.Context(), t, filled(t, odd).EventStore, other.EventStore, 64); err != nil {
		t.Fatal(err)
	}
	logtest.Expect(t, other, odd, false)
	if again := mustCopy(t, from, openESDB(t, esdbtest.Start(t), "")); logtest.Digest(t, again) != logtest.Digest(t, report) {
		t.Errorf("the digests differ:\n%s%s", again, report)
	}
}

// A server that refuses one append and takes the next has spoilt the target; the copy says so, and what to do.
func TestCopyIntoASpoiltOrder(t *testing.T) {
	t.Parallel()
	log := logtest.Random(1000, 100)
	from := filled(t, log)
	server := esdbtest.Start(t)
	server.Inject(esdbtest.Fault{Method: esdbtest.BatchAppend, After: 150, Times: 1, Effect: esdbtest.NotReady()})
	_, err := copyInFlight(t.Context(), t, from.EventStore, openESDB(t, server, "").EventStore, 64)
	if err == nil || !strings.Contains(err.Error(), "copy into an empty one, or under another prefix, without --in-flight") {
		t.Fatal(err)
	}
	// One after the other, the same refusal is waited for.
	to := openESDB(t, server, "other.")
	server.Inject(esdbtest.Fault{Method: esdbtest.Append, After: 150, Times: 1, Effect: esdbtest.NotReady()})
	mustCopy(t, from, to)
	logtest.Expect(t, to, log, false)
}

// BenchmarkCopyToEventStoreDB copies a log whose appends are of one event each to a server that is a round trip away.
func BenchmarkCopyToEventStoreDB(b *testing.B) {
	log := logtest.Random(2000, 500)
	for _, trip := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond} {
		for _, inFlight := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%v/%d", trip, inFlight), func(b *testing.B) {
				from := filled(b, log)
				for b.Loop() {
					to, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: "esdb://" + farAway(b, esdbtest.Start(b).Addr(), trip) + "?tls=false"})
					if err != nil {
						b.Fatal(err)
					}
					k := newCopier(from.EventStore, to)
					k.inFlight, k.progress = inFlight, newProgress(os.Stderr)
					if err := k.catchUp(b.Context()); err != nil {
						b.Fatal(err)
					}
					k.progress.close()
					_ = to.Close()
				}
				b.ReportMetric(float64(b.N*len(log))/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

// farAway is an address from which a server is reached by a round trip of that length more.
func farAway(t testing.TB, server string, trip time.Duration) (address string) {
	t.Helper()
	if trip == 0 {
		return server
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := new(net.Dialer).DialContext(context.Background(), "tcp", server)
			if err != nil {
				near.Close()
				continue
			}
			go late(far, near, trip/2)
			go late(near, far, trip/2)
		}
	}()
	return listener.Addr().String()
}

// late passes on what comes, that much later; what is on its way does not hold up what follows.
func late(to io.WriteCloser, from io.ReadCloser, by time.Duration) {
	type packet struct {
		bytes []byte
		due   time.Time
	}
	way := make(chan packet, 10_000)
	go func() {
		defer to.Close()
		for p := range way {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.bytes); err != nil {
				break
			}
		}
		for range way { // nobody takes it any more
		}
	}()
	defer from.Close()
	defer close(way)
	for {
		buffer := make([]byte, 32<<10)
		n, err := from.Read(buffer)
		if n > 0 {
			way <- packet{buffer[:n], time.Now().Add(by)}
		}
		if err != nil {
			return
		}
	}
}
