package commands_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections"
	"waybill/projections/history"
)

// long appends a stream of n events: a product that is revised, listed and unlisted again and again, and deleted in the end.
func long(t testing.TB, store domain.EventStore, n int) domain.StreamName {
	t.Helper()
	id, owner := uuid.New(), domaintest.ID("owner")
	stream := domain.Stream(product.Category, id)
	facts := func(i int) domain.Event {
		c := domaintest.Content(fmt.Sprint("海运专线", i))
		switch {
		case i == 0:
			return product.Submitted{ProviderID: owner, Revision: 1, Content: c}
		case i == n-1:
			return product.Deleted{}
		case i%10 == 0:
			return product.Revised{Revision: domain.ContentRevision(i/10 + 1), Content: c}
		case i%2 == 1:
			return product.Listed{}
		}
		return product.Unlisted{}
	}
	expected := domain.NoStream()
	for from := 0; from < n; from += domain.MaxAppendEvents {
		var events []domain.NewEvent
		for i := from; i < min(from+domain.MaxAppendEvents, n); i++ {
			fact := facts(i)
			data, err := json.Marshal(fact)
			if err != nil {
				t.Fatal(err)
			}
			meta, err := json.Marshal(domain.Metadata{
				Actor: domain.Actor{ID: owner, Role: domain.RoleProvider}, At: noon.Add(time.Duration(i) * time.Second), CausationID: uuid.New(),
				CorrelationID: uuid.New(), RequestID: "0123456789abcdef", Schema: domain.MetadataSchema,
			})
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, domain.NewEvent{ID: uuid.New(), Type: fact.EventType(), Data: data, Metadata: meta})
		}
		result, err := store.Append(t.Context(), stream, expected, events)
		if err != nil {
			t.Fatal(err)
		}
		expected = domain.Exactly(result.Revision)
	}
	return stream
}

// TestALongStreamIsReplayedInBoundedMemory: a hundred thousand events are folded, told and compared a page at a time.
func TestALongStreamIsReplayedInBoundedMemory(t *testing.T) {
	const n, bound = 100_000, 16 << 20
	store := newStore(t)
	stream := long(t, store, n)
	service := commands.New(store, commands.Sources{})
	held := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	before, most := held(), int64(0)
	telling := history.Telling{}
	last, err := history.NewStretch(history.Filter{Descending: true, Limit: projections.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	if _, err := service.Walk(t.Context(), stream, commands.Until{}, func(step commands.Step, _ func() any) bool {
		entry, err := telling.Entry(projections.Event{RecordedEvent: step.RecordedEvent, Fact: step.Fact, Meta: step.Meta})
		if err != nil {
			t.Error(err)
		}
		last.Add(entry)
		if steps++; steps%10_000 == 0 {
			most = max(most, held()-before)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	page := last.Page()
	if steps != n || len(page.Rows) != projections.MaxPage || page.Rows[0].Type != (product.Deleted{}).EventType() || page.Next == "" {
		t.Errorf("%d steps, a page of %d", steps, len(page.Rows))
	}
	if most > bound {
		t.Errorf("%d bytes were held", most)
	}
	t.Logf("at most %d KiB were held", most>>10)

	middle := domain.Revision(n / 2)
	then, err := service.Replay(t.Context(), stream, commands.Until{Revision: &middle})
	state, _ := then.State.(product.State)
	if err != nil || then.Revision != middle || !then.More || state.Revision != n/2/10+1 || state.Deleted || state.Latest.Name != fmt.Sprint("海运专线", n/2) {
		t.Errorf("in the middle: %+v, %v", then, err)
	}
}

// TestAReplayReadsNoFurtherThanItHasTo: of a long stream, a replay at its beginning costs what its beginning costs.
func TestAReplayReadsNoFurtherThanItHasTo(t *testing.T) {
	w := newWorld(t)
	stream := long(t, w.store, 1000)
	first, beyond := domain.Revision(0), domain.End
	for _, row := range []struct {
		until commands.Until
		want  domain.Revision
		more  bool
	}{{commands.Until{Revision: &first}, 0, true}, {commands.Until{Revision: &beyond}, 999, false}, {commands.Until{}, 999, false}} {
		then, err := w.Replay(t.Context(), stream, row.until)
		if err != nil || then.Revision != row.want || then.More != row.more || then.Step.Revision != row.want {
			t.Errorf("%+v: %+v, %v", row.until, then, err)
		}
	}
}

func BenchmarkReplay(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		store := newStore(b)
		stream := long(b, store, n)
		service := commands.New(store, commands.Sources{})
		b.Run(fmt.Sprintf("state/%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := service.Replay(b.Context(), stream, commands.Until{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("told/%d", n), func(b *testing.B) {
			for b.Loop() {
				page, err := history.NewStretch(history.Filter{Descending: true})
				if err != nil {
					b.Fatal(err)
				}
				var telling history.Telling
				if _, err := service.Walk(b.Context(), stream, commands.Until{}, func(step commands.Step, _ func() any) bool {
					entry, err := telling.Entry(projections.Event{RecordedEvent: step.RecordedEvent, Fact: step.Fact, Meta: step.Meta})
					return err == nil && page.Add(entry)
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
