package eventstoredb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"waybill/domain"
)

// ErrOutOfOrder says that the server stored an append and refused one that was sent before it. In a log that only grows,
// nothing brings that one to its place any more.
var ErrOutOfOrder = errors.New("the server took an append and refused one that was sent before it")

// Pour appends runs of recorded events of one stream each, in the order given, with so many appends under way at once. It
// returns how many of the events are known to be stored, which are the first ones, and the position of the last.
//
// The appends go through one call, whose messages the leader takes one after the other and hands to its one writer. The
// first goes alone, so that the others follow one that was taken. After an error what follows in the log is not known, but for
// ErrOutOfOrder; events that are sent again are not stored twice.
func (s *Store) Pour(ctx context.Context, runs [][]domain.RecordedEvent, inFlight int) (stored int, last domain.Position, err error) {
	config := s.settings()
	conn, err := dialLeader(ctx, config)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
	}
	defer conn.Close() //nolint:errcheck // what it did is told by the answers
	ctx, cancel := context.WithCancelCause(asUser(ctx, config))
	defer cancel(nil)
	call, err := streams.NewStreamsClient(conn).BatchAppend(ctx)
	if err != nil {
		return 0, 0, ended(err)
	}
	p := pouring{store: s, call: call, runs: runs, taken: make([]*domain.Position, len(runs)), number: map[string]int{}}
	silent := time.AfterFunc(s.patience(), func() { cancel(errSilent) })
	defer silent.Stop()
	err = p.run(inFlight, func() { silent.Reset(s.patience()) })
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errSilent) {
		err = fmt.Errorf("%w: %w for %v", domain.ErrOutcomeUnknown, errSilent, s.patience())
	}
	stored, last = p.beginning()
	s.sawUpTo(uint64(last))
	return stored, last, err
}

// pouring is one call of Pour under way.
type pouring struct {
	store *Store
	call  streams.Streams_BatchAppendClient
	runs  [][]domain.RecordedEvent
	taken []*domain.Position // of the last event of each run, once it was stored
	// number is a run's by the id that its answer has.
	number map[string]int
	failed int // the first run that was refused, when failure is not nil
	// failure is why.
	failure error
}

// run sends and receives by turns: what is on its way fits into the connection's windows.
func (p *pouring) run(inFlight int, heard func()) error {
	sent, answered, closed := 0, 0, false
	for closed || answered < sent || sent < len(p.runs) && p.failure == nil {
		window := inFlight
		if answered == 0 {
			window = 1
		}
		if !closed && sent < len(p.runs) && sent-answered < window && p.failure == nil {
			if p.send(sent) != nil {
				closed = true // why, and what was answered before, is received
			} else {
				sent++
			}
			continue
		}
		resp, err := p.call.Recv()
		if err != nil {
			return p.over(err)
		}
		heard()
		answered++
		p.take(resp)
	}
	return p.verdict()
}

func (p *pouring) send(i int) error {
	run := p.runs[i]
	id := uuid.NewString()
	p.number[id] = i
	options := &streams.BatchAppendReq_Options{
		StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(p.store.named(run[0].Stream))},
		DeadlineOption:   &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(p.store.timeout)},
	}
	if first := run[0].Revision; first > 0 {
		options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: uint64(first - 1)}
	} else {
		options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_NoStream{NoStream: &emptypb.Empty{}}
	}
	req := &streams.BatchAppendReq{CorrelationId: textID(id), Options: options, IsFinal: true}
	for _, e := range run {
		content := "application/octet-stream"
		if contentType(e.Data) == esdb.ContentTypeJson {
			content = "application/json"
		}
		req.ProposedMessages = append(req.ProposedMessages, &streams.BatchAppendReq_ProposedMessage{
			Id: textID(e.ID.String()), Metadata: map[string]string{"type": e.Type, "content-type": content},
			CustomMetadata: e.Metadata, Data: e.Data,
		})
	}
	return p.call.Send(req)
}

// take notes an answer.
func (p *pouring) take(resp *streams.BatchAppendResp) {
	i, known := p.number[idText(resp.GetCorrelationId())]
	if !known {
		return
	}
	if refused := resp.GetError(); refused != nil {
		if p.failure == nil || i < p.failed {
			p.failed, p.failure = i, answered(refused)
		}
		return
	}
	position := domain.Position(resp.GetSuccess().GetPosition().GetCommitPosition())
	p.taken[i] = &position
}

// over is the error of a call that ended before its last answer.
func (p *pouring) over(err error) error {
	switch {
	case p.failure != nil:
		return p.verdict()
	case errors.Is(err, io.EOF): // without a reason
		return fmt.Errorf("%w: the server ended the call: %w", domain.ErrOutcomeUnknown, err)
	}
	return ended(err)
}

// verdict is what became of the order, all answers being there.
func (p *pouring) verdict() error {
	if p.failure == nil {
		return nil
	}
	run := p.runs[p.failed]
	failure := fmt.Errorf("append to %s@%d: %w", run[0].Stream, run[0].Revision, p.failure)
	for _, later := range p.taken[p.failed+1:] {
		if later != nil && !errors.Is(p.failure, domain.ErrOutcomeUnknown) {
			return fmt.Errorf("%w: %w", ErrOutOfOrder, failure)
		}
	}
	return failure
}

// beginning counts the events up to the first run that is not known to be stored.
func (p *pouring) beginning() (stored int, last domain.Position) {
	for i, position := range p.taken {
		if position == nil {
			break
		}
		stored += len(p.runs[i])
		last = max(last, *position)
	}
	return stored, last
}

// answered is an error as a batch's answer has it. What the server did not look at has no code at all.
func answered(refused *rpcstatus.Status) error {
	said := fmt.Errorf("%s: %s", codes.Code(refused.GetCode()), refused.GetMessage()) //nolint:gosec // a small number
	switch code := codes.Code(refused.GetCode()); {                                   //nolint:gosec // a small number
	case refused.GetMessage() == "WrongExpectedVersion":
		return fmt.Errorf("%w: %w", domain.ErrConflict, said)
	case strings.HasPrefix(refused.GetMessage(), "MaximumAppend"):
		return fmt.Errorf("%w: %w", domain.ErrTooLarge, said)
	case code == codes.PermissionDenied:
		return fmt.Errorf("%w: %w", domain.ErrRefused, said)
	case code == codes.OK:
		return fmt.Errorf("%w: %w", domain.ErrUnavailable, said)
	case code == codes.InvalidArgument, code == codes.NotFound: // a stream that was deleted for good
		return fmt.Errorf("refused by EventStoreDB: %w", said)
	default:
		return fmt.Errorf("%w: %w", domain.ErrOutcomeUnknown, said)
	}
}

// ended is the error of a call that ended, whatever was under way in it.
func ended(err error) error {
	switch why := judge(err); {
	case why == denied:
		return fmt.Errorf("%w: %w", domain.ErrRefused, err)
	case why == fatal:
		return fmt.Errorf("refused by EventStoreDB: %w", err)
	case why == unsent, status.Code(err) == codes.NotFound: // another node leads
		return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
	default:
		return fmt.Errorf("%w: %w", domain.ErrOutcomeUnknown, err)
	}
}

func textID(id string) *shared.UUID { return &shared.UUID{Value: &shared.UUID_String_{String_: id}} }

// idText reads either encoding: the server may answer in the other one.
func idText(id *shared.UUID) string {
	if s := id.GetStructured(); s != nil {
		var b uuid.UUID
		binary.BigEndian.PutUint64(b[:8], uint64(s.GetMostSignificantBits()))  //nolint:gosec // bits, not a number
		binary.BigEndian.PutUint64(b[8:], uint64(s.GetLeastSignificantBits())) //nolint:gosec // bits, not a number
		return b.String()
	}
	return id.GetString_()
}
