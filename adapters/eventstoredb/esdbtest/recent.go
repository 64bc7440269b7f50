package esdbtest

import "github.com/google/uuid"

// recentLimit bounds the cache of ids in bytes, counted as the server counts: what an entry holds and the stream's name
// in UTF-16. For streams of 40 letters that is some 77,000 events.
const recentLimit = 8 << 20

// recentIDs remembers where the latest ids were written. An append that expects any revision, or just a stream, is
// idempotent only as long as its ids are here.
type recentIDs struct {
	byID  map[uuid.UUID]written
	queue []uuid.UUID // oldest first; an id that was written again stands here twice
	head  int
	bytes int
}

type written struct {
	stream   *stream
	revision int64
	times    int
}

func (r *recentIDs) clear() { *r = recentIDs{} }

func (r *recentIDs) put(id uuid.UUID, s *stream, revision int64) {
	if r.byID == nil {
		r.byID = map[uuid.UUID]written{}
	}
	before := r.byID[id]
	if before.times > 0 {
		r.bytes -= cost(before.stream)
	}
	r.byID[id] = written{stream: s, revision: revision, times: before.times + 1}
	r.bytes += cost(s)
	r.queue = append(r.queue, id)
	for r.bytes > recentLimit {
		r.forget()
	}
}

func (r *recentIDs) forget() {
	id := r.queue[r.head]
	r.head++
	if r.head > len(r.queue)/2 {
		r.queue = append([]uuid.UUID(nil), r.queue[r.head:]...)
		r.head = 0
	}
	w := r.byID[id]
	if w.times--; w.times > 0 {
		r.byID[id] = w
		return
	}
	delete(r.byID, id)
	r.bytes -= cost(w.stream)
}

// in is the revision of an id in a stream, if it is remembered there.
func (r *recentIDs) in(s *stream, id uuid.UUID) (int64, bool) {
	w, ok := r.byID[id]
	return w.revision, ok && w.stream == s
}

func cost(s *stream) int { return 28 + 2*len(s.name) }
