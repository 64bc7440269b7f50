package esdbtest

import (
	"sync/atomic"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// BenchmarkAppend is the whole way of one event, by the official client over the loopback, to a stream of its own.
func BenchmarkAppend(b *testing.B) {
	s := Start(b)
	c := client(b, s.ConnectionString())
	var n atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		name := fresh("bench")
		for pb.Next() {
			put(b, c, name, esdb.Any{}, event1("e"))
			n.Add(1)
		}
	})
	b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkLog is the log alone.
func BenchmarkLog(b *testing.B) {
	s, err := New(Options{})
	fatal(b, err)
	one := []event{{kind: "e", json: true, data: make([]byte, 200), metadata: make([]byte, 50)}}
	for b.Loop() {
		one[0].id = uuid.New()
		if _, err := s.log.append("bench", anyRevision, one); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadAll is reading $all to its end, one operation an event.
func BenchmarkReadAll(b *testing.B) {
	s := Start(b)
	many := make([]event, 100)
	for range 1000 {
		for i := range many {
			many[i] = event{id: uuid.New(), kind: "e", json: true, data: make([]byte, 200), metadata: make([]byte, 50)}
		}
		_, err := s.log.append("bench", anyRevision, many)
		fatal(b, err)
	}
	c := raw(b, s)
	var call streams.Streams_ReadClient
	left := 0
	for b.Loop() {
		if left == 0 {
			req := allOptions("start")
			req.Options.CountOption = &streams.ReadReq_Options_Count{Count: 100_000}
			req.Options.FilterOption = &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}}
			var err error
			call, err = c.Read(b.Context(), req)
			fatal(b, err)
			left = 100_000
		}
		if _, err := call.Recv(); err != nil {
			b.Fatal(err)
		}
		left--
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
