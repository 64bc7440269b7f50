package esdbtest

import (
	"sort"
	"strconv"
	"strings"
)

// pageSize is how many events the server looks at in one go. It can be seen from outside: in when a first position and
// when checkpoints are sent.
const pageSize = 32

// state of a stream for a reader.
type state int

const (
	present state = iota
	missing
	tombstoned
)

// page is a piece of a stream.
type page struct {
	state   state
	records []*record
	next    int64 // where the following page begins
	last    int64 // the stream's last revision
	end     bool  // nothing follows
}

// forward reads up to limit events from a revision on, as the server's index reader does.
func (l *log) forward(name string, from int64, limit int) page {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s, meta, p := l.open(name)
	if p.state != present {
		return p
	}
	to := from + int64(limit) - 1
	if to < from {
		to = deleted
	}
	lowest := meta.first(p.last)
	if to < lowest {
		p.next = lowest
		return p
	}
	from = max(from, lowest)
	if from > p.last {
		p.next, p.end = p.last+1, true
		return p
	}
	if oldest := meta.oldest(l.clock()); oldest > 0 {
		rest := s.records[from : p.last+1]
		alive := sort.Search(len(rest), func(i int) bool { return l.at(int(rest[i])).created >= oldest })
		if from += int64(alive); from > to {
			p.next = from
			return p
		}
	}
	to = min(to, p.last)
	p.records = l.pick(s.records[from : to+1])
	p.next, p.end = to+1, to >= p.last
	return p
}

// backward reads up to limit events from a revision down; −1 begins at the last.
func (l *log) backward(name string, from int64, limit int) page {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s, meta, p := l.open(name)
	if p.state != present {
		return p
	}
	if from < 0 {
		from = p.last
	}
	lowest := meta.first(p.last)
	p.next, p.end = -1, true
	if from < lowest {
		return p
	}
	start := max(0, from-int64(limit)+1)
	if start > lowest {
		p.end = false
	}
	start = max(start, lowest)
	if start <= p.last {
		records := l.pick(s.records[start : min(from, p.last)+1])
		oldest := meta.oldest(l.clock())
		for i := len(records) - 1; i >= 0; i-- {
			if records[i].created >= oldest {
				p.records = append(p.records, records[i])
			} else {
				p.end = true // what came before it is older
			}
		}
	}
	if !p.end {
		p.next = min(start-1, p.last)
	}
	return p
}

// open looks a stream up for reading.
func (l *log) open(name string) (*stream, streamMeta, page) {
	p := page{last: l.lastOf(name)}
	meta := l.metaOf(name)
	switch {
	case p.last == deleted:
		p.state = tombstoned
	case p.last == noStream || meta.softDeleted():
		p.state = missing
	}
	return l.streams[name], meta, p
}

func (l *log) pick(places []uint32) []*record {
	out := make([]*record, len(places))
	for i, place := range places {
		out[i] = l.at(int(place))
	}
	return out
}

// after is what a live subscription to a stream takes: its events beyond a revision, truncated or not, up to limit, and
// how many there are in all. A tombstone comes as the last.
func (l *log) after(name string, revision int64, limit int) (records []*record, waiting int) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := l.streams[name]
	if s == nil || revision == deleted {
		return nil, 0
	}
	n := int64(len(s.records))
	from := min(revision+1, n)
	if s.last == deleted && n > 0 {
		from = min(from, n-1)
	}
	return l.pick(s.records[from:min(n, from+int64(limit))]), int(n - from)
}

// lastRevision is a stream's last revision for a subscription that begins at the end.
func (l *log) lastRevision(name string) int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.lastOf(name)
}

// readable is one event, if a reader of its stream would still see it. The caller holds mu.
func (l *log) readable(name string, revision int64) *record {
	s, meta, p := l.open(name)
	if p.state != present || revision < meta.first(p.last) || revision > p.last {
		return nil
	}
	if r := l.at(int(s.records[revision])); r.created >= meta.oldest(l.clock()) {
		return r
	}
	return nil
}

// resolve follows a link when asked to. A link whose event is gone, or that is no link, has no event.
func (l *log) resolve(r *record, links bool) resolved {
	if !links || r.kind != kindLink {
		return resolved{event: r}
	}
	revision, name, ok := strings.Cut(string(r.payload()), "@")
	number, err := strconv.ParseInt(revision, 10, 64)
	if !ok || err != nil || number < 0 || name == "" {
		if ok && err != nil {
			return resolved{event: r} // the server takes it for a plain event, with a warning
		}
		return resolved{link: r}
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return resolved{event: l.readable(name, number), link: r}
}
