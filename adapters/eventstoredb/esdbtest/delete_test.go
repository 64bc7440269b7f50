package esdbtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Deletes and tombstones with every expected revision, and what the trailers say of a refusal.
func TestDelete(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	states := map[string]func(string){
		"none":       func(string) {},
		"two":        func(name string) { put(t, c, name, esdb.NoStream{}, events(2, "e")...) },
		"deleted":    func(name string) { put(t, c, name, esdb.NoStream{}, events(2, "e")...); remove(t, c, name) },
		"tombstoned": func(name string) { _, err := s.log.delete(name, anyRevision, true); fatal(t, err) },
	}
	const isDeleted = "stream-deleted"
	wrong := func(expected, actual int) string {
		return fmt.Sprintf("wrong-expected-version %d %d", expected, actual)
	}
	for _, tt := range []struct {
		state, soft, hard string // how it ends; "" is well
		expected          int64
	}{
		{"none", wrong(-2, -1), "", anyRevision},
		{"none", wrong(-1, -1), "", noStream}, // there must be something to delete
		{"none", wrong(-4, -1), wrong(-4, -1), streamExists},
		{"none", wrong(0, -1), wrong(0, -1), 0},
		{"two", "", "", anyRevision},
		{"two", "", "", streamExists},
		{"two", "", "", 1},
		{"two", wrong(0, 1), wrong(0, 1), 0},
		{"two", wrong(2, 1), wrong(2, 1), 2},
		{"two", wrong(-1, 1), wrong(-1, 1), noStream},
		{"deleted", "", "", anyRevision},
		{"deleted", "", "", noStream},
		{"deleted", isDeleted, isDeleted, streamExists},
		{"deleted", "", "", 1},
		{"tombstoned", isDeleted, isDeleted, anyRevision},
		{"tombstoned", isDeleted, isDeleted, 0},
	} {
		for _, hard := range []bool{false, true} {
			name := fresh("delete")
			states[tt.state](name)
			got, position := removeRaw(deadline(t), raw(t, s), name, tt.expected, hard)
			want := tt.soft
			if hard {
				want = tt.hard
			}
			if got != want || want == "" && position != unsigned(s.log.last()) {
				t.Errorf("%s, expected %d, hard %v: %q at %d, want %q", tt.state, tt.expected, hard, got, position, want)
			}
		}
	}
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func removeRaw(ctx context.Context, c streams.StreamsClient, name string, expected int64, hard bool) (result string, position uint64) {
	var trailer metadata.MD
	var err error
	if hard {
		o := &streams.TombstoneReq_Options{StreamIdentifier: identifier(name)}
		switch expected {
		case anyRevision:
			o.ExpectedStreamRevision = &streams.TombstoneReq_Options_Any{Any: &shared.Empty{}}
		case noStream:
			o.ExpectedStreamRevision = &streams.TombstoneReq_Options_NoStream{NoStream: &shared.Empty{}}
		case streamExists:
			o.ExpectedStreamRevision = &streams.TombstoneReq_Options_StreamExists{StreamExists: &shared.Empty{}}
		default:
			o.ExpectedStreamRevision = &streams.TombstoneReq_Options_Revision{Revision: unsigned(expected)}
		}
		var r *streams.TombstoneResp
		r, err = c.Tombstone(ctx, &streams.TombstoneReq{Options: o}, grpc.Trailer(&trailer))
		position = r.GetPosition().GetCommitPosition()
	} else {
		o := &streams.DeleteReq_Options{StreamIdentifier: identifier(name)}
		switch expected {
		case anyRevision:
			o.ExpectedStreamRevision = &streams.DeleteReq_Options_Any{Any: &shared.Empty{}}
		case noStream:
			o.ExpectedStreamRevision = &streams.DeleteReq_Options_NoStream{NoStream: &shared.Empty{}}
		case streamExists:
			o.ExpectedStreamRevision = &streams.DeleteReq_Options_StreamExists{StreamExists: &shared.Empty{}}
		default:
			o.ExpectedStreamRevision = &streams.DeleteReq_Options_Revision{Revision: unsigned(expected)}
		}
		var r *streams.DeleteResp
		r, err = c.Delete(ctx, &streams.DeleteReq{Options: o}, grpc.Trailer(&trailer))
		position = r.GetPosition().GetCommitPosition()
	}
	if err == nil {
		return "", position
	}
	if got := trailer.Get("stream-name"); len(got) != 1 || got[0] != name {
		return fmt.Sprint("trailers ", trailer), 0
	}
	result = trailer.Get("exception")[0]
	if v := trailer.Get("expected-version"); len(v) > 0 {
		result += " " + v[0] + " " + trailer.Get("actual-version")[0]
	}
	return result, 0
}

// Metadata that someone writes for a deleted stream brings it back empty, and is kept.
func TestMetadataUndeletes(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	name := fresh("back")
	put(t, c, name, esdb.NoStream{}, events(3, "e")...)
	remove(t, c, name)
	setMeta(t, c, name, func(m *esdb.StreamMetadata) { m.SetMaxCount(5); m.AddCustomProperty("ours", "kept") })
	meta, err := c.GetStreamMetadata(deadline(t), name, esdb.ReadStreamOptions{Direction: esdb.Backwards, From: esdb.End{}})
	fatal(t, err)
	if meta.TruncateBefore() == nil || *meta.TruncateBefore() != 3 || *meta.MaxCount() != 5 || meta.CustomProperty("ours") != "kept" {
		t.Errorf("%+v", meta)
	}
	got, err := drain(c.ReadStream(deadline(t), name, esdb.ReadStreamOptions{}, 10))
	if err != nil || len(got) != 0 {
		t.Error(got, err)
	}
}
