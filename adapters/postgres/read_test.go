package postgres_test

import (
	"testing"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// A page that is full by its bytes is not the last one.
func TestPagesOfLargeEvents(t *testing.T) {
	s := openStore(t, pgtest.Database(t, "eventstore", postgres.Migrate))
	const n = 10
	stream := domain.Stream("tested", uuid.New())
	for i := range domain.Revision(n) {
		large := recorded(stream, i)
		large.Data = make([]byte, domain.MaxAppendBytes)
		if _, err := s.Import(t.Context(), []domain.RecordedEvent{large}); err != nil {
			t.Fatal(err)
		}
	}
	for name, seq := range map[string]func(func(domain.RecordedEvent, error) bool){
		"stream forward":  s.ReadStream(t.Context(), stream, 0, domain.Forward, domain.NoLimit),
		"stream backward": s.ReadStream(t.Context(), stream, domain.End, domain.Backward, domain.NoLimit),
		"log forward":     s.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit),
		"log backward":    s.ReadAll(t.Context(), domain.LogEnd, domain.Backward, domain.NoLimit),
	} {
		got := 0
		for e, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			if len(e.Data) != domain.MaxAppendBytes {
				t.Errorf("%s: event %d has %d bytes", name, got, len(e.Data))
			}
			got++
		}
		if got != n {
			t.Errorf("%s: %d events, want %d", name, got, n)
		}
	}
}
