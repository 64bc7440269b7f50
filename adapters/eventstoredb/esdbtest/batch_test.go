package esdbtest

import (
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// talk is one BatchAppend call.
type talk struct {
	t    *testing.T
	call streams.Streams_BatchAppendClient
}

func newTalk(t *testing.T, s *Server) talk {
	t.Helper()
	call, err := raw(t, s).BatchAppend(deadline(t))
	fatal(t, err)
	return talk{t, call}
}

func (k talk) send(req *streams.BatchAppendReq) {
	k.t.Helper()
	fatal(k.t, k.call.Send(req))
}

func (k talk) recv() *streams.BatchAppendResp {
	k.t.Helper()
	resp, err := k.call.Recv()
	fatal(k.t, err)
	return resp
}

func batchOptions(name string) *streams.BatchAppendReq_Options {
	return &streams.BatchAppendReq_Options{
		StreamIdentifier:       identifier(name),
		ExpectedStreamPosition: &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}},
	}
}

func batchRequest(id uuid.UUID, o *streams.BatchAppendReq_Options, n int, final bool) *streams.BatchAppendReq {
	req := &streams.BatchAppendReq{CorrelationId: &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}, Options: o, IsFinal: final}
	for range n {
		p := proposal("e")
		req.ProposedMessages = append(req.ProposedMessages, &streams.BatchAppendReq_ProposedMessage{Id: p.Id, Metadata: p.Metadata, Data: p.Data})
	}
	return req
}

// Batches in pieces, mixed with one another on one call: each is one append, answered when it is complete.
func TestBatchesInPieces(t *testing.T) {
	s := Start(t)
	k := newTalk(t, s)
	a, b := uuid.New(), uuid.New()
	k.send(batchRequest(a, batchOptions("a"), 2, false))
	k.send(batchRequest(b, batchOptions("b"), 1, false))
	k.send(batchRequest(a, nil, 3, false))
	if s.log.lastRevision("a") != noStream {
		t.Error("a batch is appended when its last piece is there")
	}
	k.send(batchRequest(b, nil, 1, true))
	first := k.recv()
	k.send(batchRequest(a, batchOptions("elsewhere"), 1, true)) // options that come again change nothing
	second := k.recv()
	fatal(t, k.call.CloseSend())
	if _, err := k.call.Recv(); err == nil {
		t.Error("the call ends with the client's last batch")
	}
	for _, tt := range []struct {
		resp     *streams.BatchAppendResp
		id       uuid.UUID
		name     string
		revision uint64
	}{{first, b, "b", 1}, {second, a, "a", 5}} {
		if tt.resp.GetCorrelationId().GetString_() != tt.id.String() || string(tt.resp.GetStreamIdentifier().GetStreamName()) != tt.name ||
			tt.resp.GetSuccess().GetCurrentRevision() != tt.revision || tt.resp.GetSuccess().GetPosition().GetCommitPosition() == 0 {
			t.Errorf("%v, want %v", tt.resp, tt)
		}
	}
}

// What is wrong with one batch is told in its answer, and the call goes on.
func TestBatchErrors(t *testing.T) {
	s := Start(t, Options{MaxAppendBytes: 200})
	_, err := s.log.delete("gone", anyRevision, true)
	fatal(t, err)
	k := newTalk(t, s)
	for what, tt := range map[string]struct {
		change func(*streams.BatchAppendReq)
		code   codes.Code
		detail string
	}{
		"wrong revision": {func(r *streams.BatchAppendReq) {
			r.Options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: 7}
		}, codes.AlreadyExists, "WrongExpectedVersion"},
		"deleted":        {func(r *streams.BatchAppendReq) { r.Options.StreamIdentifier = identifier("gone") }, codes.NotFound, "StreamDeleted"},
		"too large":      {func(r *streams.BatchAppendReq) { r.ProposedMessages[0].Data = make([]byte, 300) }, codes.InvalidArgument, "MaximumAppendSizeExceeded"},
		"no type":        {func(r *streams.BatchAppendReq) { r.ProposedMessages[0].Metadata = nil }, codes.InvalidArgument, "BadRequest"},
		"no stream":      {func(r *streams.BatchAppendReq) { r.Options.StreamIdentifier = nil }, codes.InvalidArgument, "BadRequest"},
		"no expectation": {func(r *streams.BatchAppendReq) { r.Options.ExpectedStreamPosition = nil }, codes.InvalidArgument, "BadRequest"},
		"duration over": {func(r *streams.BatchAppendReq) {
			r.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(0)}
		}, codes.DeadlineExceeded, "Timeout"},
		"time over": {func(r *streams.BatchAppendReq) {
			r.Options.DeadlineOption = &streams.BatchAppendReq_Options_Deadline_21_10_0{Deadline_21_10_0: timestamppb.New(time.Now().Add(-time.Second))}
		}, codes.DeadlineExceeded, "Timeout"},
	} {
		id := uuid.New()
		req := batchRequest(id, batchOptions("s-"+what), 1, true)
		tt.change(req)
		k.send(req)
		resp := k.recv()
		e := resp.GetError()
		if resp.GetCorrelationId().GetString_() != id.String() || codes.Code(e.GetCode()) != tt.code || len(e.GetDetails()) != 1 ||
			e.GetDetails()[0].GetTypeUrl() != "type.googleapis.com/event_store.client."+tt.detail {
			t.Errorf("%s: %v", what, resp)
		}
		if what == "wrong revision" {
			var w shared.WrongExpectedVersion
			fatal(t, e.GetDetails()[0].UnmarshalTo(&w))
			if w.GetExpectedStreamPosition() != 7 || w.GetCurrentNoStream() == nil {
				t.Errorf("%v", &w)
			}
		}
	}
	k.send(batchRequest(uuid.New(), batchOptions("well"), 1, true))
	if k.recv().GetSuccess() == nil {
		t.Error("the call goes on")
	}
}

// A batch that is not completed in the time it asked for is answered with a time-out, once, and leaves nothing.
func TestBatchTimesOut(t *testing.T) {
	s := Start(t)
	k := newTalk(t, s)
	id := uuid.New()
	o := batchOptions("late")
	o.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(50 * time.Millisecond)}
	k.send(batchRequest(id, o, 1, false))
	if e := k.recv().GetError(); codes.Code(e.GetCode()) != codes.DeadlineExceeded {
		t.Error(e)
	}
	k.send(batchRequest(id, nil, 1, true))
	k.send(batchRequest(uuid.New(), batchOptions("next"), 1, true))
	if got := string(k.recv().GetStreamIdentifier().GetStreamName()); got != "next" {
		t.Errorf("an answer for %s", got)
	}
	if s.log.lastRevision("late") != noStream {
		t.Error("a late batch was appended")
	}
}
