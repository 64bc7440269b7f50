package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// What somebody else put into the log, and is larger than any event of ours, is told by its size; what is in it is not read.
func TestWhatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	store := postgres.NewEventStore(pool)
	t.Cleanup(func() { _ = store.Close() })
	stream := domain.Stream("product", uuid.New())
	insert := func(data, metadata, name string) {
		t.Helper()
		_, err := pool.Exec(t.Context(), `INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata, recorded_at)
			SELECT coalesce(max(position), 0) + 1, $1, count(*) FILTER (WHERE stream = $1), gen_random_uuid(), `+name+`, `+data+`, `+metadata+`, now()
			FROM eventstore.events`, string(stream))
		if err != nil {
			t.Fatal(err)
		}
	}
	large := `convert_to(repeat('x', 20 << 20), 'UTF8')`
	insert(`'{}'`, `'{}'`, `'small.v1'`)
	insert(large, `'{}'`, `'large-data.v1'`)
	insert(`'{}'`, large, `'large-metadata.v1'`)
	insert(`convert_to(repeat('x', 1 << 20), 'UTF8')`, `''`, `'just-fits.v1'`)
	insert(`'{}'`, `'{}'`, `repeat('long', 1 << 20)`)
	var all []domain.RecordedEvent
	for e, err := range store.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	for i, want := range []struct{ oversize, data int }{{0, 2}, {20<<20 + 2, 0}, {20<<20 + 2, 0}, {0, 1 << 20}, {0, 2}} {
		e := all[i]
		if e.Oversize != want.oversize || len(e.Data) != want.data || errors.Is(e.Fits(), domain.ErrOversize) != (want.oversize > 0) {
			t.Errorf("%s: oversize %d, %d bytes of data, want %+v", e.Type, e.Oversize, len(e.Data), want)
		}
		if _, err := e.DecodeMetadata(); want.oversize > 0 && !errors.Is(err, domain.ErrOversize) {
			t.Errorf("%s: %v", e.Type, err)
		}
	}
	if name := all[4].Type; len(name) != domain.MaxNameBytes || !strings.HasPrefix(name, "longlong") {
		t.Errorf("a name of %d bytes", len(name))
	}
}
