package esdbtest

import (
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
)

// event is what a client proposes.
type event struct {
	id       uuid.UUID
	kind     string
	json     bool
	data     []byte
	metadata []byte
}

// size is what counts against the maximum append size: .NET strings have two bytes for each UTF-16 unit.
func (e event) size() int {
	units := 0
	for _, r := range e.kind {
		units += max(1, utf16.RuneLen(r))
	}
	return len(e.data) + len(e.metadata) + 2*units
}

// record is one entry of the log. Nothing of it changes once it is published.
type record struct {
	position int64 // where it starts; each event is its own commit, so that is its prepare and commit position at once
	end      int64 // where the next one starts
	revision int64
	created  int64 // in ticks of 100 ns since 1970
	stream   *stream
	kind     string
	id       uuid.UUID
	wire     []byte // a RecordedEvent without its id, which has two encodings
	data     int    // the length of data, the last field of wire
	json     bool
	system   bool // no event: an epoch, or the trace of an append of nothing; it takes room and is never read
}

// The event types that mean something to the server.
const (
	kindDeleted  = "$streamDeleted"
	kindLink     = "$>"
	kindMetadata = "$metadata"
)

const epochStream = "$epoch-information"

// payload is the event's data.
func (r *record) payload() []byte { return r.wire[len(r.wire)-r.data:] }

// shownInAll says whether $all shows it. A read of $all leaves the epochs out, and still counts them as considered.
func (r *record) shownInAll() bool { return r.stream.name != epochStream }

// recordSize follows the server's log format: the fixed fields of a prepare, its texts with their lengths, its payloads,
// and its length once more at each end.
func recordSize(stream, kind string, data, metadata []byte) int64 {
	return 88 + text(stream) + text(kind) + int64(len(data)) + int64(len(metadata))
}

func text(s string) int64 { return int64(protowire.SizeBytes(len(s))) }

const ticks = 100 * time.Nanosecond

func ticksOf(t time.Time) int64 { return t.UnixNano() / int64(ticks) }

// encode fills wire: once at the append, so that readers only copy.
func (r *record) encode(data, metadata []byte) {
	content := "application/octet-stream"
	if r.json {
		content = "application/json"
	}
	created := strconv.FormatInt(r.created, 10)
	name := r.stream.name
	b := make([]byte, 0, len(name)+len(r.kind)+len(created)+len(content)+len(data)+len(metadata)+100)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendVarint(b, unsigned(1+text(name)))
	b = protowire.AppendTag(b, 3, protowire.BytesType)
	b = protowire.AppendString(b, name)
	b = appendNumber(b, 3, unsigned(r.revision))
	b = appendNumber(b, 4, unsigned(r.position))
	b = appendNumber(b, 5, unsigned(r.position))
	b = appendEntry(b, "type", r.kind)
	b = appendEntry(b, "created", created)
	b = appendEntry(b, "content-type", content)
	b = appendBytes(b, 7, metadata)
	b = appendBytes(b, 8, data)
	r.wire, r.data = b, len(data)
}

func appendNumber(b []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// appendEntry adds one entry of the metadata map.
func appendEntry(b []byte, key, value string) []byte {
	b = protowire.AppendTag(b, 6, protowire.BytesType)
	b = protowire.AppendVarint(b, unsigned(2+text(key)+text(value)))
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendString(b, key)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendString(b, value)
}

// The protocol's numbers are unsigned and the server's signed, with −1 for the largest of the others.

func unsigned(v int64) uint64 { return uint64(v) } //nolint:gosec // −1 is meant to become the largest
func signed(v uint64) int64   { return int64(v) }  //nolint:gosec // the largest is meant to become −1
