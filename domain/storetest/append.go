package storetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
)

var appendTests = map[string]func(*testing.T, domain.EventStore){
	"expected revisions": func(t *testing.T, s domain.EventStore) {
		type expectation struct {
			expected domain.ExpectedRevision
			want     error
		}
		for _, tt := range []struct {
			name         string
			events       int
			expectations []expectation
		}{
			{"on no stream", 0, []expectation{
				{domain.NoStream(), nil},
				{domain.Exactly(0), domain.ErrConflict},
				{domain.Exactly(7), domain.ErrConflict},
			}},
			{"on a stream of three", 3, []expectation{
				{domain.NoStream(), domain.ErrConflict},
				{domain.Exactly(2), nil},
				{domain.Exactly(1), domain.ErrConflict},
				{domain.Exactly(3), domain.ErrConflict},
				{domain.Exactly(domain.End), domain.ErrConflict},
			}},
		} {
			for _, e := range tt.expectations {
				t.Run(tt.name+" "+e.expected.String(), func(t *testing.T) {
					ctx, stream, before := testContext(t), newStream(), newEvents(tt.events)
					if len(before) > 0 {
						mustAppend(ctx, t, s, stream, domain.NoStream(), before...)
					}
					added := newEvents(2)
					if e.want != nil {
						refuse(ctx, t, s, stream, e.expected, e.want, added...)
						expectStream(ctx, t, s, stream, before...)
						return
					}
					result := mustAppend(ctx, t, s, stream, e.expected, added...)
					if want := domain.Revision(tt.events + 1); result.Revision != want || result.Duplicate {
						t.Errorf("got %+v, want revision %d", result, want)
					}
					expectStream(ctx, t, s, stream, append(before, added...)...)
					if all := readStream(ctx, t, s, stream); all[len(all)-1].Position != result.Position {
						t.Errorf("returned position %d, stored %d", result.Position, all[len(all)-1].Position)
					}
				})
			}
		}
	},
	"invalid": func(t *testing.T, s domain.EventStore) {
		ctx, stream, good := testContext(t), newStream(), newEvents(1)
		refuse(ctx, t, s, stream, domain.ExpectedRevision{}, domain.ErrInvalidAppend, good...)
		refuse(ctx, t, s, "", domain.NoStream(), domain.ErrInvalidAppend, good...)
		refuse(ctx, t, s, stream, domain.NoStream(), domain.ErrInvalidAppend)
		for name, spoil := range map[string]func(*domain.NewEvent){
			"no id":            func(e *domain.NewEvent) { e.ID = uuid.Nil },
			"no type":          func(e *domain.NewEvent) { e.Type = "" },
			"type with a zero": func(e *domain.NewEvent) { e.Type = "a\x00b" },
			"type not UTF-8":   func(e *domain.NewEvent) { e.Type = "\xff" },
		} {
			t.Run(name, func(t *testing.T) {
				bad := newEvents(2)
				spoil(&bad[1])
				refuse(ctx, t, s, stream, domain.NoStream(), domain.ErrInvalidAppend, bad...)
			})
		}
		refuse(ctx, t, s, stream+"\x00", domain.NoStream(), domain.ErrInvalidAppend, good...)
		long := stream + domain.StreamName(strings.Repeat("a", domain.MaxNameBytes))
		refuse(ctx, t, s, long, domain.NoStream(), domain.ErrInvalidAppend, good...)
		mustAppend(ctx, t, s, long[:domain.MaxNameBytes], domain.NoStream(), good...)
		expectStream(ctx, t, s, stream)
	},
	"size": func(t *testing.T, s domain.EventStore) {
		ctx := testContext(t)
		sized := func(data, metadata int) domain.NewEvent {
			return domain.NewEvent{
				ID: uuid.New(), Type: "big.v1", Data: bytes.Repeat([]byte("d"), data), Metadata: bytes.Repeat([]byte("m"), metadata),
			}
		}
		stream := newStream()
		most := []domain.NewEvent{sized(domain.MaxAppendBytes/2, 0), sized(0, domain.MaxAppendBytes-domain.MaxAppendBytes/2)}
		mustAppend(ctx, t, s, stream, domain.NoStream(), most...)
		expectStream(ctx, t, s, stream, most...)
		refuse(ctx, t, s, stream, domain.Exactly(1), domain.ErrTooLarge, sized(domain.MaxAppendBytes, 1))

		stream = newStream()
		many := newEvents(domain.MaxAppendEvents)
		mustAppend(ctx, t, s, stream, domain.NoStream(), many...)
		expectStream(ctx, t, s, stream, many...)
		refuse(ctx, t, s, stream, domain.Exactly(domain.MaxAppendEvents-1), domain.ErrTooLarge, newEvents(domain.MaxAppendEvents+1)...)
		expectStream(ctx, t, s, stream, many...)
	},
	"bytes are kept": func(t *testing.T, s domain.EventStore) {
		ctx, stream := testContext(t), newStream()
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		events := newEvents(5)
		events[0].Data = []byte("{ \"b\" : 1.0,\t\"a\":1e2, \"a\":2 }\n") // JSON that a parser would rewrite
		events[1].Data, events[1].Metadata = every, bytes.Repeat(every, 3)
		events[2].Data, events[2].Metadata = nil, []byte{}
		events[3].Data = []byte("\xff\xfe\x00")
		events[4].Data = []byte("三亚货运 🚢")
		mustAppend(ctx, t, s, stream, domain.NoStream(), events...)
		expectStream(ctx, t, s, stream, events...)
	},
	"ended context": func(t *testing.T, s domain.EventStore) {
		ctx, cancel := context.WithCancel(testContext(t))
		cancel()
		stream := newStream()
		_, err := s.Append(ctx, stream, domain.NoStream(), newEvents(1))
		if !errors.Is(err, domain.ErrUnavailable) && !errors.Is(err, domain.ErrOutcomeUnknown) {
			t.Fatalf("got %v", err)
		}
		if errors.Is(err, domain.ErrUnavailable) {
			expectStream(testContext(t), t, s, stream)
		}
	},
}
