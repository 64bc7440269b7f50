package esdbtest

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// service is the Streams service of one node.
type service struct {
	streams.UnimplementedStreamsServer
	*Server
}

// Append takes one append: its options, then its events.
func (s service) Append(call streams.Streams_AppendServer) error {
	ctx := call.Context()
	first, err := call.Recv()
	if err != nil {
		return handlerFailed()
	}
	options := first.GetOptions()
	name := string(options.GetStreamIdentifier().GetStreamName())
	expected, ok := expectedOf(options.GetExpectedStreamRevision())
	if !ok || name == "" {
		return handlerFailed()
	}
	effect := s.faults.take(Append)
	if err := effect.whileSending(); err != nil {
		return err
	}
	if err := s.allow(ctx, name, toWrite); err != nil {
		return err
	}
	var events []event
	size := 0
	for {
		req, err := call.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		m := req.GetProposedMessage()
		if m == nil {
			return handlerFailed()
		}
		e, err := proposed(m)
		if err != nil {
			return err
		}
		if s.options.eventTooLarge(e) {
			return eventTooLarge(e, s.options.MaxEventBytes)
		}
		// The call ends here and now; a client that is still sending sees its stream closed first.
		if size += e.size(); size > s.options.MaxAppendBytes {
			return appendTooLarge(s.options.MaxAppendBytes)
		}
		events = append(events, e)
	}
	if err := effect.before(ctx, s.Server); err != nil {
		return err
	}
	if err := s.lead(ctx); err != nil {
		return err
	}
	out, err := s.log.append(name, expected, events)
	if err != nil {
		return s.storageFailed(err)
	}
	if err := effect.after(ctx, s.Server); err != nil {
		return err
	}
	if out.verdict == streamDeleted {
		return deletedStream(name)
	}
	return call.SendAndClose(appendResponse(out, expected))
}

// message is what proposed events have in common, appended singly or in batches.
type message interface {
	GetId() *shared.UUID
	GetMetadata() map[string]string
	GetCustomMetadata() []byte
	GetData() []byte
}

func proposed(m message) (event, error) {
	kind, ok := m.GetMetadata()["type"]
	if !ok {
		return event{}, metadataMissing("type")
	}
	content, ok := m.GetMetadata()["content-type"]
	if !ok {
		return event{}, metadataMissing("content-type")
	}
	id, ok := parseUUID(m.GetId())
	if !ok || kind == "" {
		return event{}, handlerFailed()
	}
	return event{id: id, kind: kind, json: content == "application/json", data: m.GetData(), metadata: m.GetCustomMetadata()}, nil
}

// parseUUID reads either encoding.
func parseUUID(u *shared.UUID) (id uuid.UUID, ok bool) {
	switch v := u.GetValue().(type) {
	case *shared.UUID_String_:
		id, err := uuid.Parse(v.String_)
		return id, err == nil
	case *shared.UUID_Structured_:
		binary.BigEndian.PutUint64(id[:8], unsigned(v.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(id[8:], unsigned(v.Structured.GetLeastSignificantBits()))
		return id, true
	default:
		return id, false
	}
}

// expectedOf reads the expected revision of a request; false when there is none, or one out of range. The largest number
// stands for "no stream", as in the real server.
func expectedOf(option any) (int64, bool) {
	var revision uint64
	switch o := option.(type) {
	case *streams.AppendReq_Options_Revision:
		revision = o.Revision
	case *streams.DeleteReq_Options_Revision:
		revision = o.Revision
	case *streams.TombstoneReq_Options_Revision:
		revision = o.Revision
	case *streams.BatchAppendReq_Options_StreamPosition:
		revision = o.StreamPosition
	case *streams.AppendReq_Options_NoStream, *streams.DeleteReq_Options_NoStream, *streams.TombstoneReq_Options_NoStream,
		*streams.BatchAppendReq_Options_NoStream:
		return noStream, true
	case *streams.AppendReq_Options_Any, *streams.DeleteReq_Options_Any, *streams.TombstoneReq_Options_Any,
		*streams.BatchAppendReq_Options_Any:
		return anyRevision, true
	case *streams.AppendReq_Options_StreamExists, *streams.DeleteReq_Options_StreamExists, *streams.TombstoneReq_Options_StreamExists,
		*streams.BatchAppendReq_Options_StreamExists:
		return streamExists, true
	default:
		return 0, false
	}
	return signed(revision), revision <= 1<<63-1 || revision == 1<<64-1
}

// appendResponse is the answer to an append that was decided. A wrong revision is no error: it is told twice, in the
// fields of today and in those of servers before 20.10.
func appendResponse(out outcome, expected int64) *streams.AppendResp {
	if out.verdict == wrongRevision {
		wrong := wrongVersion(out.current, expected)
		return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: wrong}}
	}
	success := &streams.AppendResp_Success{}
	success.CurrentRevisionOption = &streams.AppendResp_Success_CurrentRevision{CurrentRevision: unsigned(out.last)}
	if out.last == noStream {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	}
	p := unsigned(out.position)
	success.PositionOption = &streams.AppendResp_Success_Position{
		Position: &streams.AppendResp_Position{CommitPosition: p, PreparePosition: p},
	}
	if out.position < 0 {
		success.PositionOption = &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: success}}
}

func wrongVersion(current, expected int64) *streams.AppendResp_WrongExpectedVersion {
	empty := &shared.Empty{}
	w := &streams.AppendResp_WrongExpectedVersion{}
	switch expected {
	case anyRevision:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: empty}
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: empty}
	case streamExists:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: empty}
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: empty}
	case noStream:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: empty}
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{
			ExpectedRevision_20_6_0: 1<<64 - 1,
		}
	default:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: unsigned(expected)}
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{
			ExpectedRevision_20_6_0: unsigned(expected),
		}
	}
	w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: unsigned(current)}
	w.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{
		CurrentRevision_20_6_0: unsigned(current),
	}
	if current == noStream {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: empty}
		w.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: empty}
	}
	return w
}
