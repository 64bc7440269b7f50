package esdbtest

import (
	"encoding/binary"

	"github.com/google/uuid"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers what codec falls back on
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// frame is a ReadResp that is encoded already.
type frame []byte

// codec sends frames as they are and everything else as usual.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(frame); ok {
		return mem.BufferSlice{mem.SliceBuffer(f)}, nil
	}
	return c.CodecV2.Marshal(v)
}

// resolved is an event as a reader sees it: itself, or the link that led to it. A link that leads nowhere has no event.
type resolved struct {
	event, link *record
}

// original is the record of the stream that was read.
func (r resolved) original() *record {
	if r.link != nil {
		return r.link
	}
	return r.event
}

// encodeEvent is the ReadResp of one event. The position beside it is that of the record that was read, of a stream too.
func encodeEvent(r resolved, text bool) frame {
	var event, link int
	var eventID, linkID [48]byte
	var eventHead, linkHead []byte
	if r.event != nil {
		eventHead = appendID(eventID[:0], r.event.id, text)
		event = len(eventHead) + len(r.event.wire)
	}
	if r.link != nil {
		linkHead = appendID(linkID[:0], r.link.id, text)
		link = len(linkHead) + len(r.link.wire)
	}
	var tail [11]byte
	end := protowire.AppendTag(tail[:0], 3, protowire.VarintType)
	end = protowire.AppendVarint(end, unsigned(r.original().position))
	inner := len(end)
	if r.event != nil {
		inner += 1 + protowire.SizeBytes(event)
	}
	if r.link != nil {
		inner += 1 + protowire.SizeBytes(link)
	}
	b := make([]byte, 0, 1+protowire.SizeBytes(inner))
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(inner))
	if r.event != nil {
		b = protowire.AppendTag(b, 1, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(event))
		b = append(append(b, eventHead...), r.event.wire...)
	}
	if r.link != nil {
		b = protowire.AppendTag(b, 2, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(link))
		b = append(append(b, linkHead...), r.link.wire...)
	}
	return append(b, end...)
}

// appendID adds a RecordedEvent's id, as text or as two halves.
func appendID(b []byte, id uuid.UUID, text bool) []byte {
	var inner [40]byte
	var v []byte
	if text {
		v = protowire.AppendString(protowire.AppendTag(inner[:0], 2, protowire.BytesType), id.String())
	} else {
		var halves [24]byte
		h := appendNumber(halves[:0], 1, binary.BigEndian.Uint64(id[:8]))
		h = appendNumber(h, 2, binary.BigEndian.Uint64(id[8:]))
		v = protowire.AppendBytes(protowire.AppendTag(inner[:0], 1, protowire.BytesType), h)
	}
	return protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), v)
}
