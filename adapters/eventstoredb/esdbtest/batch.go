package esdbtest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// writeTimeout is the longest time a batch may take from its options to its last chunk, whatever it asks for.
const writeTimeout = 2 * time.Second

// batches is one BatchAppend call: batches arrive in pieces, mixed with one another, and each is answered once.
type batches struct {
	service
	call streams.Streams_BatchAppendServer

	mu      sync.Mutex // also lets one answer out at a time
	pending map[uuid.UUID]*batch
}

// batch is one append under way.
type batch struct {
	correlation *shared.UUID
	stream      *shared.StreamIdentifier
	expected    int64
	events      []event
	size        int
	timer       *time.Timer
}

// BatchAppend takes appends until the client has no more. What is wrong with one of them is told in its answer.
func (s service) BatchAppend(call streams.Streams_BatchAppendServer) error {
	b := &batches{service: s, call: call, pending: map[uuid.UUID]*batch{}}
	defer b.forgetAll()
	for {
		req, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		id, ok := parseUUID(req.GetCorrelationId())
		if !ok {
			return handlerFailed()
		}
		if err := b.take(id, req); err != nil {
			return err
		}
	}
}

// take adds one piece, and appends the batch when it was the last. An error ends the whole call.
func (b *batches) take(id uuid.UUID, req *streams.BatchAppendReq) error {
	if req.GetOptions() != nil {
		if refusal := b.begin(id, req); refusal != nil {
			return b.answer(&batch{correlation: req.GetCorrelationId(), stream: req.GetOptions().GetStreamIdentifier()}, refusal)
		}
	}
	b.mu.Lock()
	one := b.pending[id]
	b.mu.Unlock()
	if one == nil {
		return nil // it was answered already, or never began
	}
	for _, m := range req.GetProposedMessages() {
		e, err := proposed(m)
		if err != nil {
			// The real server keeps such a batch and answers it a second time, with a time-out; this one does not.
			return b.finish(id, badRequest(err))
		}
		if b.options.eventTooLarge(e) {
			return b.finish(id, problem(codes.InvalidArgument, "MaximumAppendEventSizeExceeded", eventSizeExceeded(e, b.options.MaxEventBytes)))
		}
		one.events, one.size = append(one.events, e), one.size+e.size()
	}
	if one.size > b.options.MaxAppendBytes {
		limit := uint32(min(b.options.MaxAppendBytes, 1<<31-1)) //nolint:gosec // bounded
		exceeded := &shared.MaximumAppendSizeExceeded{MaxAppendSize: limit}
		return b.finish(id, problem(codes.InvalidArgument, "MaximumAppendSizeExceeded", exceeded))
	}
	if !req.GetIsFinal() {
		return nil
	}
	if one = b.end(id); one == nil {
		return nil
	}
	return b.append(one)
}

// begin notes a batch's options. Options that come again for the same batch change nothing.
func (b *batches) begin(id uuid.UUID, req *streams.BatchAppendReq) *rpcstatus.Status {
	o := req.GetOptions()
	name := string(o.GetStreamIdentifier().GetStreamName())
	if err := b.allow(b.call.Context(), name, toWrite); err != nil {
		return problem(codes.PermissionDenied, "AccessDenied", &shared.AccessDenied{})
	}
	if o.GetStreamIdentifier() == nil {
		return problem(codes.InvalidArgument, "BadRequest", &shared.BadRequest{Message: "Required field StreamIdentifier not set."})
	}
	timeout := writeTimeout
	switch d := o.GetDeadlineOption().(type) {
	case *streams.BatchAppendReq_Options_Deadline:
		timeout = min(timeout, d.Deadline.AsDuration())
	case *streams.BatchAppendReq_Options_Deadline_21_10_0:
		timeout = min(timeout, time.Until(d.Deadline_21_10_0.AsTime()))
	}
	if timeout <= 0 {
		return late()
	}
	expected, ok := expectedOf(o.GetExpectedStreamPosition())
	if !ok || name == "" {
		return problem(codes.InvalidArgument, "BadRequest", &shared.BadRequest{Message: "'None' is not a valid expected stream position"})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending[id] == nil {
		b.pending[id] = &batch{
			correlation: req.GetCorrelationId(), stream: o.GetStreamIdentifier(), expected: expected,
			timer: time.AfterFunc(timeout, func() { _ = b.finish(id, late()) }), // if it fails the call has ended
		}
	}
	return nil
}

// end takes a batch out of the pending ones; nil when something else did.
func (b *batches) end(id uuid.UUID) *batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.pending[id]
	if one != nil {
		one.timer.Stop()
		delete(b.pending, id)
	}
	return one
}

func (b *batches) forgetAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, one := range b.pending {
		one.timer.Stop()
		delete(b.pending, id)
	}
}

// finish answers a batch that is not appended.
func (b *batches) finish(id uuid.UUID, s *rpcstatus.Status) error {
	if one := b.end(id); one != nil {
		return b.answer(one, s)
	}
	return nil
}

func (b *batches) append(one *batch) error {
	ctx := b.call.Context()
	name := string(one.stream.GetStreamName())
	effect := b.faults.take(BatchAppend)
	err := effect.whileSending()
	if err == nil {
		err = effect.before(ctx, b.Server)
	}
	if err == nil {
		err = b.lead(ctx)
	}
	if err != nil {
		return b.refuse(one, effect, err)
	}
	out, err := b.log.append(name, one.expected, one.events)
	if err != nil {
		return b.storageFailed(err)
	}
	if err := effect.after(ctx, b.Server); err != nil {
		return b.refuse(one, effect, err)
	}
	switch out.verdict {
	case streamDeleted:
		return b.answer(one, problem(codes.NotFound, "StreamDeleted", &shared.StreamDeleted{StreamIdentifier: one.stream}))
	case wrongRevision:
		return b.answer(one, problem(codes.AlreadyExists, "WrongExpectedVersion", batchWrongVersion(out.current, one.expected)))
	}
	return b.send(one, &streams.BatchAppendResp{Result: batchSuccess(out)})
}

// refuse tells of a server that cannot append: in the batch's answer, but a missing leader or connection ends the call.
func (b *batches) refuse(one *batch, effect Effect, err error) error {
	switch effect.kind {
	case abortBefore, abortAfter:
		return b.answer(one, late())
	case unready:
		return b.answer(one, problem(codes.OK, "Server Is Not Ready", &emptypb.Empty{}))
	case busy, refuseSending:
		return b.answer(one, problem(codes.OK, "Server Is Busy", &emptypb.Empty{}))
	}
	return err
}

func (b *batches) answer(one *batch, s *rpcstatus.Status) error {
	return b.send(one, &streams.BatchAppendResp{Result: &streams.BatchAppendResp_Error{Error: s}})
}

func (b *batches) send(one *batch, resp *streams.BatchAppendResp) error {
	resp.CorrelationId, resp.StreamIdentifier = one.correlation, one.stream
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.call.Send(resp)
}

func problem(c codes.Code, message string, details proto.Message) *rpcstatus.Status {
	packed, already := details.(*anypb.Any)
	if !already {
		packed, _ = anypb.New(details) // it packs every message of its own program
	}
	return &rpcstatus.Status{Code: int32(c), Message: message, Details: []*anypb.Any{packed}} //nolint:gosec // a small number
}

func late() *rpcstatus.Status {
	return problem(codes.DeadlineExceeded, "Timeout", &shared.Timeout{})
}

// badRequest has the sentence that a .NET exception makes of a status.
func badRequest(err error) *rpcstatus.Status {
	s := status.Convert(err)
	message := fmt.Sprintf(`Status(StatusCode="%s", Detail="%s")`, s.Code(), s.Message())
	return problem(codes.InvalidArgument, "BadRequest", &shared.BadRequest{Message: message})
}

func batchSuccess(out outcome) *streams.BatchAppendResp_Success_ {
	success := &streams.BatchAppendResp_Success{}
	success.CurrentRevisionOption = &streams.BatchAppendResp_Success_CurrentRevision{CurrentRevision: unsigned(out.last)}
	if out.last == noStream {
		success.CurrentRevisionOption = &streams.BatchAppendResp_Success_NoStream{NoStream: &emptypb.Empty{}}
	}
	p := unsigned(out.position)
	success.PositionOption = &streams.BatchAppendResp_Success_Position{
		Position: &shared.AllStreamPosition{CommitPosition: p, PreparePosition: p},
	}
	if out.position < 0 {
		success.PositionOption = &streams.BatchAppendResp_Success_NoPosition{NoPosition: &emptypb.Empty{}}
	}
	return &streams.BatchAppendResp_Success_{Success: success}
}

func batchWrongVersion(current, expected int64) *shared.WrongExpectedVersion {
	w := &shared.WrongExpectedVersion{}
	switch expected {
	case anyRevision:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: &emptypb.Empty{}}
	case streamExists:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &emptypb.Empty{}}
	case noStream:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &emptypb.Empty{}}
	default:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: unsigned(expected)}
	}
	w.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: unsigned(current)}
	if current == noStream {
		w.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}}
	}
	return w
}
