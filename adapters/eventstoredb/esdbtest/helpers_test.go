package esdbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// client is the official one.
func client(t testing.TB, connection string) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(connection)
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// raw speaks the bare protocol.
func raw(t testing.TB, s *Server) streams.StreamsClient {
	t.Helper()
	return streams.NewStreamsClient(connect(t, s.Addr()))
}

func connect(t testing.TB, address string) *grpc.ClientConn {
	t.Helper()
	c, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// fresh is a name nobody else uses.
func fresh(name string) string { return name + "-" + uuid.NewString() }

func event1(kind string) esdb.EventData {
	return esdb.EventData{EventID: uuid.New(), EventType: kind, ContentType: esdb.ContentTypeJson, Data: []byte(`{"a":1}`), Metadata: []byte(`{"m":2}`)}
}

func events(n int, kind string) []esdb.EventData {
	out := make([]esdb.EventData, n)
	for i := range out {
		out[i] = event1(kind)
	}
	return out
}

func put(t testing.TB, c *esdb.Client, name string, expected esdb.ExpectedRevision, e ...esdb.EventData) *esdb.WriteResult {
	t.Helper()
	r, err := c.AppendToStream(deadline(t), name, esdb.AppendToStreamOptions{ExpectedRevision: expected}, e...)
	if err != nil {
		t.Fatalf("append to %s: %v", name, err)
	}
	return r
}

// isCode says whether the official client made an error of that code.
func isCode(err error, code esdb.ErrorCode) bool {
	var e *esdb.Error
	return errors.As(err, &e) && e.Code() == code
}

// drain reads to the end and writes each event as revision@stream.
func drain(s *esdb.ReadStream, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out []string
	for {
		e, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, fmt.Sprintf("%d@%s", e.OriginalEvent().EventNumber, e.OriginalEvent().StreamID))
	}
}

func readOptions(name string) *streams.ReadReq {
	return &streams.ReadReq{Options: &streams.ReadReq_Options{
		StreamOption: &streams.ReadReq_Options_Stream{Stream: &streams.ReadReq_Options_StreamOptions{
			StreamIdentifier: identifier(name),
			RevisionOption:   &streams.ReadReq_Options_StreamOptions_Start{Start: &shared.Empty{}},
		}},
		CountOption:  &streams.ReadReq_Options_Count{Count: 1000},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		UuidOption:   &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}}},
	}}
}

func allOptions(from any) *streams.ReadReq {
	req := readOptions("")
	all := &streams.ReadReq_Options_AllOptions{}
	switch at := from.(type) {
	case string:
		if at == "end" {
			all.AllOption = &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
		} else {
			all.AllOption = &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}
		}
	case [2]uint64:
		all.AllOption = &streams.ReadReq_Options_AllOptions_Position{Position: &streams.ReadReq_Options_Position{CommitPosition: at[0], PreparePosition: at[1]}}
	}
	req.Options.StreamOption = &streams.ReadReq_Options_All{All: all}
	return req
}

func identifier(name string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(name)}
}

// collect takes a whole read.
func collect(call streams.Streams_ReadClient, err error) ([]*streams.ReadResp, error) {
	if err != nil {
		return nil, err
	}
	var out []*streams.ReadResp
	for {
		m, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, m)
	}
}

// kinds writes what messages came: events by revision, the others by name.
func kinds(messages []*streams.ReadResp) []string {
	var out []string
	for _, m := range messages {
		switch c := m.GetContent().(type) {
		case *streams.ReadResp_Event:
			r := c.Event.GetEvent()
			if r == nil {
				r = c.Event.GetLink()
			}
			out = append(out, fmt.Sprint(r.GetStreamRevision()))
		case *streams.ReadResp_FirstStreamPosition:
			out = append(out, fmt.Sprint("first ", c.FirstStreamPosition))
		case *streams.ReadResp_LastStreamPosition:
			out = append(out, fmt.Sprint("last ", c.LastStreamPosition))
		case *streams.ReadResp_StreamNotFound_:
			out = append(out, "not found")
		case *streams.ReadResp_Confirmation:
			out = append(out, "confirmed")
		case *streams.ReadResp_CaughtUp_:
			out = append(out, "caught up")
		case *streams.ReadResp_Checkpoint_:
			out = append(out, "checkpoint")
		default:
			out = append(out, fmt.Sprintf("%T", c))
		}
	}
	return out
}

// appendRaw sends one append of what the messages say and returns the answer and the trailers.
func appendRaw(ctx context.Context, c streams.StreamsClient, options *streams.AppendReq_Options, messages ...*streams.AppendReq_ProposedMessage) (*streams.AppendResp, metadata.MD, error) {
	var trailer metadata.MD
	call, err := c.Append(ctx, grpc.Trailer(&trailer))
	if err != nil {
		return nil, nil, err
	}
	_ = call.Send(&streams.AppendReq{Content: &streams.AppendReq_Options_{Options: options}})
	for _, m := range messages {
		_ = call.Send(&streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: m}})
	}
	resp, err := call.CloseAndRecv()
	return resp, trailer, err
}

func proposal(kind string) *streams.AppendReq_ProposedMessage {
	return &streams.AppendReq_ProposedMessage{
		Id:       &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}},
		Metadata: map[string]string{"type": kind, "content-type": "application/json"},
		Data:     []byte("{}"),
	}
}

func wantStatus(t testing.TB, err error, want string) {
	t.Helper()
	s := status.Convert(err)
	if got := fmt.Sprintf("%s: %s", s.Code(), s.Message()); got != want {
		t.Errorf("status %q, want %q", got, want)
	}
}

func equal[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// anything is an append that expects any revision.
func anything(name string) *streams.AppendReq_Options {
	return &streams.AppendReq_Options{StreamIdentifier: identifier(name), ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}}}
}

func withHeader(ctx context.Context, pairs ...string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}
