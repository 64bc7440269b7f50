package logcopy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"waybill/domain"
)

// errOtherLog: the target holds an event that the source does not have at that place.
var errOtherLog = errors.New("the target is not a copy of the source")

// cursor is a place in both logs: so many events from the beginning, and the position of the last on either side.
type cursor struct {
	events         uint64
	source, target domain.Position
}

// compare walks from a place to the end of the target, holding each event to the source's, and returns how far it came.
// Every event goes into the digest.
func (c *copier) compare(ctx context.Context, phase string, at cursor, digest *logDigest) (cursor, error) {
	head, err := c.head(ctx, c.target)
	if err != nil {
		return at, err
	}
	c.progress.Begin(phase, at.events, at.target, head)
	targets, sources := c.reader(ctx, c.target, at.target), c.reader(ctx, c.source, at.source)
	defer func() { targets.close(); sources.close() }()
	for {
		held, err := targets.event()
		if held == nil || err != nil {
			return at, err
		}
		want, err := sources.event()
		if want == nil && err == nil {
			// The source may have grown since its end was read; another copy may have brought that over.
			sources.close()
			sources = c.reader(ctx, c.source, at.source)
			want, err = sources.event()
		}
		switch {
		case err != nil:
			return at, err
		case want == nil:
			return at, fmt.Errorf("%w: it holds more than the source's %s events, first %s@%d", errOtherLog,
				thousands(at.events), held.Stream, held.Revision)
		}
		if field := difference(want, held); field != "" {
			return at, fmt.Errorf("%w: event %s is %s@%d in the source and %s@%d in the target, and differs in its %s", errOtherLog,
				thousands(at.events+1), want.Stream, want.Revision, held.Stream, held.Revision, field)
		}
		digest.add(want)
		at = cursor{events: at.events + 1, source: want.Position, target: held.Position}
		if at.events%128 == 0 {
			c.progress.Advance(at.events, at.target)
		}
	}
}

// difference names the first field that is not the same, or none. Of contents it tells nothing: they may be personal.
func difference(want, held *domain.RecordedEvent) string {
	switch {
	case want.Stream != held.Stream:
		return "stream"
	case want.Revision != held.Revision:
		return "revision"
	case want.ID != held.ID:
		return fmt.Sprintf("id: %s and %s", want.ID, held.ID)
	case want.Type != held.Type:
		return fmt.Sprintf("type: %q and %q", want.Type, held.Type)
	case !bytes.Equal(want.Data, held.Data):
		return fmt.Sprintf("data: %d and %d bytes", len(want.Data), len(held.Data))
	case !bytes.Equal(want.Metadata, held.Metadata):
		return fmt.Sprintf("metadata: %d and %d bytes", len(want.Metadata), len(held.Metadata))
	}
	return ""
}

// logDigest is SHA-256 over a log: for each event in order its stream, revision, id, type, data and metadata. Each is
// preceded by its length in 8 bytes, but for the revision, which is 8 bytes, and the id, which is 16; big-endian.
type logDigest struct {
	hash   hash.Hash
	buffer []byte
}

func (d *logDigest) add(e *domain.RecordedEvent) {
	b := lengthPrefixed(d.buffer[:0], e.Stream)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Revision))
	b = append(b, e.ID[:]...)
	b = lengthPrefixed(b, e.Type)
	b = lengthPrefixed(b, e.Data)
	b = lengthPrefixed(b, e.Metadata)
	d.hash.Write(b)
	d.buffer = b
}

func (d *logDigest) String() string { return fmt.Sprintf("%x", d.hash.Sum(nil)) }

func lengthPrefixed[T ~string | ~[]byte](b []byte, field T) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(field))), field...)
}
