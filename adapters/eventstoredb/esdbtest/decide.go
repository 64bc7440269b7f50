package esdbtest

import (
	"github.com/google/uuid"
)

// verdict on an append, a delete or a tombstone.
type verdict int

const (
	accepted verdict = iota
	repeated         // every event is there already
	wrongRevision
	streamDeleted
)

// outcome of an append. For a repeated one it tells of the first time: the last revision it had, and the position of
// that event, or −1 when the event can no longer be read.
type outcome struct {
	verdict  verdict
	current  int64 // the stream's last revision before
	last     int64
	position int64
}

// decide compares an append with the stream as it is, in the order in which the real server does. The caller holds mu.
func (l *log) decide(name string, expected int64, ids []uuid.UUID) outcome {
	current := l.lastOf(name)
	if current == deleted {
		return outcome{verdict: streamDeleted, current: current}
	}
	meta := l.metaOf(name)
	refused := outcome{verdict: wrongRevision, current: current}
	ok := outcome{verdict: accepted, current: current, last: current + int64(len(ids))}
	if expected == streamExists {
		if meta.softDeleted() {
			return outcome{verdict: streamDeleted, current: current}
		}
		// A stream exists, too, when only its metadata was ever written.
		if current < 0 && l.lastOf("$$"+name) < 0 {
			return refused
		}
	}
	s := l.streams[name]
	if expected == anyRevision || expected == streamExists {
		return l.decideAny(s, ids, ok, refused)
	}
	if expected < current {
		for i, id := range ids {
			if l.has(s, expected+1+int64(i), id) {
				continue
			}
			// Partly there is not there. A stream that was deleted softly counts as none.
			if i == 0 && expected == noStream && meta.softDeleted() {
				return ok
			}
			return refused
		}
		if len(ids) == 0 {
			if expected == noStream && meta.softDeleted() {
				return ok
			}
			return refused
		}
		return l.again(s, current, expected+int64(len(ids)))
	}
	if expected > current {
		return refused
	}
	return ok
}

// decideAny knows only the recent ids, and the stream they were written to.
func (l *log) decideAny(s *stream, ids []uuid.UUID, ok, refused outcome) outcome {
	if s == nil || len(ids) == 0 {
		return ok
	}
	var last int64
	for i, id := range ids {
		revision, known := l.recent.in(s, id)
		if !known {
			if i == 0 {
				return ok
			}
			return refused
		}
		last = revision
	}
	return l.again(s, refused.current, last)
}

func (l *log) has(s *stream, revision int64, id uuid.UUID) bool {
	return revision >= 0 && revision < int64(len(s.records)) && l.at(int(s.records[revision])).id == id
}

// again answers a repeat. The position is looked up as a reader would, so truncated events have none.
func (l *log) again(s *stream, current, last int64) outcome {
	out := outcome{verdict: repeated, current: current, last: last, position: -1}
	if r := l.readable(s.name, last); r != nil {
		out.position = r.position
	}
	return out
}

// append adds events after the decision, all or none. An append of nothing is decided alike, and takes room in the log.
func (l *log) append(name string, expected int64, events []event) (outcome, error) {
	ids := make([]uuid.UUID, len(events))
	for i, e := range events {
		ids[i] = e.id
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.decide(name, expected, ids)
	if out.verdict != accepted {
		return out, nil
	}
	now := ticksOf(l.clock())
	entries := make([]entry, len(events), len(events)+2)
	for i, e := range events {
		entries[i] = entry{event: e, stream: name, revision: out.current + 1 + int64(i), created: now}
	}
	if len(events) == 0 {
		entries = append(entries, entry{event: event{id: uuid.New()}, stream: name, created: now, system: true})
	}
	appended := len(entries)
	entries = append(entries, l.undelete(name, out.current, events, now)...)
	first := l.count()
	if err := l.commit(entries...); err != nil {
		return outcome{}, err
	}
	out.position = l.at(first + appended - 1).position
	return out, nil
}

// undelete is the metadata that brings a softly deleted stream back, from the event after its last one on: written after
// an append to it, and after someone else's metadata for it.
func (l *log) undelete(name string, current int64, events []event, now int64) []entry {
	var meta []byte
	var before, revision int64
	if original := name; l.metaOf(original).softDeleted() {
		last := l.streams["$$"+original].records
		meta, before, revision = l.at(int(last[len(last)-1])).payload(), current+1, int64(len(last))
	} else if isMetastream(name) && len(events) > 0 && l.metaOf(originalOf(name)).softDeleted() {
		meta, before, revision = events[len(events)-1].data, l.lastOf(originalOf(name))+1, current+1+int64(len(events))
		name = originalOf(name)
	} else {
		return nil
	}
	content, ok := undeleted(meta, before)
	if !ok {
		return nil
	}
	return []entry{{
		event:  event{id: uuid.New(), kind: kindMetadata, json: true, data: content},
		stream: "$$" + name, revision: revision, created: now,
	}}
}

// delete writes the mark of a soft delete, or a tombstone. The position is that of what it wrote.
func (l *log) delete(name string, expected int64, hard bool) (outcome, error) {
	id := uuid.New()
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.decide(name, expected, []uuid.UUID{id})
	if out.verdict != accepted {
		return out, nil
	}
	e := entry{event: event{id: id, kind: kindDeleted}, stream: name, revision: deleted, created: ticksOf(l.clock())}
	if !hard {
		meta := "$$" + name
		last := l.lastOf(meta)
		// There must be something to delete, and its metadata is something.
		if out.current < 0 && last < 0 {
			return outcome{verdict: wrongRevision, current: noStream}, nil
		}
		e.stream, e.revision = meta, last+1
		e.kind, e.json, e.data = kindMetadata, true, []byte(`{"$tb":9223372036854775807}`)
	}
	position := l.end()
	if err := l.commit(e); err != nil {
		return outcome{}, err
	}
	out.position = position
	return out, nil
}
