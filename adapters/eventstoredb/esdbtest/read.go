package esdbtest

import (
	"context"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// place is a position as requests state it and as checkpoints have it: a commit position and a prepare position.
// −1 twice is the end for a read, and before everything for a subscription.
type place struct{ commit, prepare int64 }

var edge = place{-1, -1}

func (p place) less(q place) bool {
	return p.commit < q.commit || p.commit == q.commit && p.prepare < q.prepare
}

// placeOf is where a record is.
func placeOf(r *record) place { return place{r.position, r.position} }

// reader sends the events of one call.
type reader struct {
	*Server
	ctx    context.Context //nolint:containedctx // a reader lives as long as its call
	call   streams.Streams_ReadServer
	links  bool // resolve them
	text   bool // ids as text
	ofAll  bool
	count  uint64
	sent   uint64
	effect Effect
}

// Read is every read: of a stream or of all, with a count or as a subscription, in either direction, filtered or not.
func (s service) Read(req *streams.ReadReq, call streams.Streams_ReadServer) error {
	o := req.GetOptions()
	if o == nil {
		return handlerFailed()
	}
	if o.GetUuidOption() == nil {
		return invalidArgument("'uuidOption' is a required argument of type " +
			"EventStore.Client.Streams.ReadReq+Types+Options+Types+UUIDOption")
	}
	name := "$all"
	switch of := o.GetStreamOption().(type) {
	case *streams.ReadReq_Options_Stream:
		name = string(of.Stream.GetStreamIdentifier().GetStreamName())
	case *streams.ReadReq_Options_All:
	default:
		return invalidArgument("'None' is not a valid EventStore.Client.Streams.ReadReq+Types+Options+StreamOptionOneofCase")
	}
	if err := s.allow(call.Context(), name, toRead); err != nil {
		return err
	}
	r := &reader{
		Server: s.Server, ctx: call.Context(), call: call, links: o.GetResolveLinks(), count: o.GetCount(),
		text:  o.GetUuidOption().GetString_() != nil,
		ofAll: o.GetAll() != nil,
	}
	_, forever := o.GetCountOption().(*streams.ReadReq_Options_Subscription)
	method := Read
	if forever {
		method = Subscribe
	}
	r.effect = s.faults.take(method)
	if err := r.effect.before(r.ctx, s.Server); err != nil {
		return err
	}
	if err := r.run(o, name, forever); err != nil {
		return err
	}
	return r.effect.after(r.ctx, s.Server)
}

// run knows the combinations that the server knows.
func (r *reader) run(o *streams.ReadReq_Options, name string, forever bool) error {
	_, counted := o.GetCountOption().(*streams.ReadReq_Options_Count)
	_, unfiltered := o.GetFilterOption().(*streams.ReadReq_Options_NoFilter)
	_, filtered := o.GetFilterOption().(*streams.ReadReq_Options_Filter)
	backwards := o.GetReadDirection() == streams.ReadReq_Options_Backwards
	if !counted && !forever || !unfiltered && (!filtered || !r.ofAll) || backwards && forever {
		return invalidArgument(fmt.Sprintf("The combination of (%T, %T, %v, %T) is invalid.",
			o.GetStreamOption(), o.GetCountOption(), o.GetReadDirection(), o.GetFilterOption()))
	}
	if !r.ofAll {
		revision, ok := revisionOf(o.GetStream(), forever)
		switch {
		case !ok || name == "":
			return handlerFailed()
		case forever:
			return r.subscribe(name, revision)
		default:
			return r.readStream(name, revision, backwards, o.GetControlOption().GetCompatibility() >= 1)
		}
	}
	from, ok := positionOf(o.GetAll(), forever)
	if !ok {
		return handlerFailed()
	}
	f := filter{window: 1<<31 - 1}
	if filtered {
		var err error
		if f, err = newFilter(o.GetFilter()); err != nil {
			return err
		}
	}
	switch {
	case forever && filtered:
		return r.subscribeFiltered(from, f, o.GetFilter().GetCheckpointIntervalMultiplier())
	case forever:
		return r.subscribeAll(from)
	case backwards:
		return r.readAllBackward(from, f, filtered)
	default:
		return r.readAllForward(from, f, filtered)
	}
}

// A subscription's start, before the first revision, and its end.
const (
	fromStart = int64(-1)
	fromEnd   = int64(-2)
)

// revisionOf reads where in a stream to begin: for reads −1 is the end, for subscriptions it is before the first.
func revisionOf(o *streams.ReadReq_Options_StreamOptions, forever bool) (int64, bool) {
	switch at := o.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Start:
		if forever {
			return fromStart, true
		}
		return 0, true
	case *streams.ReadReq_Options_StreamOptions_End:
		if forever {
			return fromEnd, true
		}
		return -1, true
	case *streams.ReadReq_Options_StreamOptions_Revision:
		if at.Revision == 1<<64-1 {
			if forever {
				return fromEnd, true
			}
			return -1, true
		}
		return signed(at.Revision), at.Revision <= 1<<63-1
	default:
		return 0, false
	}
}

// positionOf reads where in $all to begin. For subscriptions the edge is the start and {−2, −2} the end.
func positionOf(o *streams.ReadReq_Options_AllOptions, forever bool) (place, bool) {
	end := edge
	if forever {
		end = place{fromEnd, fromEnd}
	}
	switch at := o.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Start:
		if forever {
			return edge, true
		}
		return place{}, true
	case *streams.ReadReq_Options_AllOptions_End:
		return end, true
	case *streams.ReadReq_Options_AllOptions_Position:
		c, p := at.Position.GetCommitPosition(), at.Position.GetPreparePosition()
		if c == 1<<64-1 && p == c {
			return end, true
		}
		return place{signed(c), signed(p)}, c <= 1<<63-1 && p <= c
	default:
		return place{}, false
	}
}

// send sends one event. After the last that the fault allows it says so instead of sending another.
func (r *reader) send(e resolved) error {
	if err := r.effect.sent(r.sent); err != nil {
		return err
	}
	r.sent++
	if err := r.call.SendMsg(encodeEvent(e, r.text)); err != nil {
		return err
	}
	return r.effect.sent(r.sent)
}

func (r *reader) say(resp *streams.ReadResp) error { return r.call.Send(resp) }

// readStream sends up to count events. Where the stream begins and ends is told only to clients that asked for it, by
// stating a compatibility of 1 or more: older ones do not know those messages.
func (r *reader) readStream(name string, from int64, backwards, positions bool) error {
	if err := r.leadRead(r.ctx); err != nil {
		return err
	}
	// The real server's storage refuses a count of 0, and a read forwards from the end.
	if r.count == 0 || !backwards && from < 0 {
		return unexpectedResult("ReadStreamResult", "Error")
	}
	limit := int(min(pageSize, r.count))
	for start := from; ; {
		var p page
		if backwards {
			p = r.log.backward(name, start, limit)
		} else {
			p = r.log.forward(name, start, limit)
		}
		switch p.state {
		case missing:
			return r.say(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
				StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(name)}},
			}})
		case tombstoned:
			return deletedStream(name)
		}
		// The first revision is told when the first page has no event and so does not show it: also after the end.
		if positions && !backwards && r.sent == 0 && len(p.records) == 0 && p.next != start {
			first := &streams.ReadResp_FirstStreamPosition{FirstStreamPosition: unsigned(p.next)}
			if err := r.say(&streams.ReadResp{Content: first}); err != nil {
				return err
			}
		}
		for _, record := range p.records {
			if r.sent == r.count {
				break
			}
			if err := r.send(r.log.resolve(record, r.links)); err != nil {
				return err
			}
		}
		if p.end || r.sent == r.count {
			if positions {
				return r.say(&streams.ReadResp{Content: &streams.ReadResp_LastStreamPosition{LastStreamPosition: unsigned(p.last)}})
			}
			return nil
		}
		start = p.next
	}
}

// consider sends a record if it is an event that the filter allows; else it sees only whether the caller is still there.
func (r *reader) consider(record *record, f filter) error {
	if record.system || !f.allows(record) {
		return r.ctx.Err()
	}
	return r.send(r.log.resolve(record, r.links))
}

// readAllForward sends up to count events from a position on, which must be where a record starts, or beyond the end.
func (r *reader) readAllForward(from place, f filter, filtered bool) error {
	if err := r.leadRead(r.ctx); err != nil {
		return err
	}
	i := r.log.count()
	if from != edge && from.commit < r.log.end() {
		var boundary bool
		if i, boundary = r.log.find(from.commit); !boundary {
			return invalidRead(filtered)
		}
	}
	for ; r.sent < r.count && i < r.log.count(); i++ {
		if err := r.consider(r.log.at(i), f); err != nil {
			return err
		}
	}
	return nil
}

// readAllBackward sends up to count events that end at the position or before it.
func (r *reader) readAllBackward(from place, f filter, filtered bool) error {
	if err := r.leadRead(r.ctx); err != nil {
		return err
	}
	i := r.log.count()
	if from != edge {
		if from.commit > r.log.end() {
			return unexpectedResult(allResult(filtered), "Error")
		}
		var boundary bool
		if i, boundary = r.log.find(from.commit); !boundary {
			return invalidRead(filtered)
		}
		if i > 0 && from.prepare < from.commit {
			i--
		}
	}
	for i--; r.sent < r.count && i >= 0; i-- {
		if err := r.consider(r.log.at(i), f); err != nil {
			return err
		}
	}
	return nil
}

func allResult(filtered bool) string {
	if filtered {
		return "FilteredReadAllResult"
	}
	return "ReadAllResult"
}

func invalidRead(filtered bool) error {
	return unexpectedResult(allResult(filtered), "InvalidPosition")
}
