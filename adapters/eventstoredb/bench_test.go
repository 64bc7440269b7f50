package eventstoredb_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// BenchmarkAppend is the store beside the bare client, by so many callers for each CPU. `make bench` measures the same with
// the server in a process of its own.
func BenchmarkAppend(b *testing.B) {
	server := esdbtest.Start(b)
	settings, err := esdb.ParseConnectionString(server.ConnectionString())
	if err != nil {
		b.Fatal(err)
	}
	settings.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(settings)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	store := open(b, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	data := bytes.Repeat([]byte(`{"name":"a value"},`), 26)
	data = append(append([]byte("["), data...), "0]"...)
	run := func(name string, callers int, f func(string, uuid.UUID) error) {
		b.Run(name+"/"+strconv.Itoa(callers), func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := uuid.New()
					if err := f("bench-"+id.String(), id); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	for _, callers := range []int{1, 16, 64} {
		run("client", callers, func(stream string, id uuid.UUID) error {
			_, err := client.AppendToStream(b.Context(), stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}},
				esdb.EventData{EventID: id, EventType: "thing-happened.v1", ContentType: esdb.ContentTypeJson, Data: data, Metadata: data[:300]})
			return err
		})
		run("store", callers, func(stream string, id uuid.UUID) error {
			_, err := store.Append(b.Context(), domain.StreamName(stream), domain.NoStream(),
				[]domain.NewEvent{{ID: id, Type: "thing-happened.v1", Data: data, Metadata: data[:300]}})
			return err
		})
	}
}
