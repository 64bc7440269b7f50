package eventstoredb_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// What another program appended, as large as the server's limits can be put, is told by its size, many in a row, and what comes after it is
// there. Names that are none of ours are another's.
func TestWhatAnotherProgramAppended(t *testing.T) {
	t.Parallel()
	server := esdbtest.Start(t, esdbtest.Options{MaxAppendBytes: 16 << 20})
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	config, err := esdb.ParseConnectionString(server.ConnectionString())
	if err != nil {
		t.Fatal(err)
	}
	other, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	add := func(stream, name string, data, metadata int) {
		t.Helper()
		e := esdb.EventData{
			EventID: uuid.New(), EventType: name, ContentType: esdb.ContentTypeBinary,
			Data: make([]byte, data), Metadata: make([]byte, metadata),
		}
		if _, err := other.AppendToStream(t.Context(), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, e); err != nil {
			t.Fatal(err)
		}
	}
	const large = 15 << 20
	stream := string(domain.Stream("product", uuid.New()))
	for range 10 {
		add(stream, "large.v1", large, 2)
	}
	add(stream, "large.v1", 2, large)
	add("product-"+strings.Repeat("long", 1000), "small.v1", 2, 2)
	add("product-a\x00b", "small.v1", 2, 2)
	add(stream, "small\x00\x1b.v1", 2, 2)
	ours, cancel := context.WithCancel(t.Context())
	defer cancel()
	for what, events := range map[string]func(func(domain.RecordedEvent, error) bool){
		"a read":         store.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit),
		"a subscription": store.Only([]string{"product"}).Subscribe(ours, 0),
		"its stream":     store.ReadStream(t.Context(), domain.StreamName(stream), 0, domain.Forward, domain.NoLimit),
	} {
		n := 0
		for e, err := range events {
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if n++; n == 12 {
				if e.Oversize != 0 || len(e.Data) != 2 || e.Type != "small\x00\x1b.v1" {
					t.Errorf("%s: the last is %s@%d %q with %d bytes", what, e.Stream, e.Revision, e.Type, len(e.Data))
				}
				break
			}
			if e.Oversize != large+2 || e.Data != nil || e.Metadata != nil || !errors.Is(e.Fits(), domain.ErrOversize) {
				t.Errorf("%s: %s@%d with %d bytes, oversize %d", what, e.Stream, e.Revision, len(e.Data), e.Oversize)
			}
		}
		if n != 12 {
			t.Errorf("%s: %d events, want 12", what, n)
		}
	}
}
