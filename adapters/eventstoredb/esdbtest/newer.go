package esdbtest

import (
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"
)

// What the messages of newer servers have and those that were generated for the client have not is written by hand here,
// field by field.

// stated is when and where a subscription is, as servers from 24.10.5 on say in caught-up messages and in checkpoints.
type stated struct {
	ticks    int64  // now, in units of 100 ns since 1970
	revision int64  // the last one, of a subscription to a stream that has events
	place    *place // of a subscription to $all
}

// statesPlaces says whether a server of that version says so; 25.0.0 came out before 24.10.5.
func statesPlaces(version string) bool {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return false
	}
	switch {
	case major == 24 && minor == 10:
		return patch >= 5
	case major == 25 && minor == 0:
		return patch >= 1
	}
	return major > 24
}

// caughtUp is a ReadResp that says so.
func (s stated) caughtUp() frame {
	b := appendMessage(nil, 1, s.timestamp())
	if s.place == nil && s.revision >= 0 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), unsigned(s.revision)) // 0 is said, too
	}
	if s.place != nil && *s.place != edge {
		b = appendMessage(b, 3, s.place.fields(nil))
	}
	return appendMessage(nil, 8, b)
}

// checkpoint is a ReadResp with the place and the time.
func (s stated) checkpoint() frame {
	return appendMessage(nil, 3, appendMessage(s.place.fields(nil), 3, s.timestamp()))
}

func (s stated) timestamp() []byte {
	const perSecond = 10_000_000
	return appendNumber(appendNumber(nil, 1, unsigned(s.ticks/perSecond)), 2, unsigned(s.ticks%perSecond*100))
}

// fields are the commit and prepare positions, as all messages that have both number them.
func (p place) fields(b []byte) []byte {
	return appendNumber(appendNumber(b, 1, unsigned(p.commit)), 2, unsigned(p.prepare))
}

// appendMessage adds a message that is there even when it says nothing.
func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), message)
}

// here is where a subscription is now. Without a place it is one to a stream.
func (r *reader) here(revision int64, at *place) stated {
	return stated{ticks: ticksOf(r.log.clock()), revision: revision, place: at}
}

// caughtUp says that there is nothing else: up to a revision of a stream, or up to a place of $all.
func (r *reader) caughtUp(revision int64, at *place) error {
	if !statesPlaces(r.options.Version) {
		return r.say(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
	}
	return r.call.SendMsg(r.here(revision, at).caughtUp())
}

// reached sends a checkpoint.
func (r *reader) reached(at place) error {
	if !statesPlaces(r.options.Version) {
		return r.say(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{
			Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: unsigned(at.commit), PreparePosition: unsigned(at.prepare)},
		}})
	}
	return r.call.SendMsg(r.here(noStream, &at).checkpoint())
}

// eventTooLarge says whether an event is beyond the limit for each, if there is one.
func (o Options) eventTooLarge(e event) bool {
	return o.MaxEventBytes > 0 && e.size() > o.MaxEventBytes
}

// eventSizeExceeded is the message of that name, packed as an error's details are.
func eventSizeExceeded(e event, limit int) *anypb.Any {
	b := appendBytes(nil, 1, []byte(e.id.String()))
	b = appendNumber(b, 2, unsigned(int64(e.size())))
	b = appendNumber(b, 3, unsigned(int64(limit)))
	return &anypb.Any{TypeUrl: "type.googleapis.com/event_store.client.MaximumAppendEventSizeExceeded", Value: b}
}
