package esdbtest

import (
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// Expected revisions that are no revision, and the revision of a tombstone.
const (
	noStream     = int64(-1)
	anyRevision  = int64(-2)
	streamExists = int64(-4)
	deleted      = int64(1<<63 - 1)
)

const chunkSize = 4096

// chunk holds records in place: they never move, so readers need no lock for what is published.
type chunk [chunkSize]record

// log is the data of a server, or of all nodes of a cluster: every record in order, and where each stream's are.
// Appends take turns; readers of the log never wait for them, readers of a stream only while it is looked up.
type log struct {
	clock   func() time.Time
	logger  *slog.Logger
	journal *journal // nil without a data folder

	published atomic.Int64             // how many records readers may see
	chunks    atomic.Pointer[[]*chunk] // replaced when one is added, before its records are published

	mu      sync.RWMutex
	streams map[string]*stream
	kinds   map[string]string // one string for each event type, however many events have it
	recent  recentIDs

	waiting sync.Mutex
	grown   chan struct{} // closed at the next append; nil when nobody waits
}

// stream is guarded by log.mu, but for its name.
type stream struct {
	name    string
	records []uint32   // places in the log, by revision; a tombstone comes last
	last    int64      // the last revision; noStream before the first, deleted after a tombstone
	meta    streamMeta // what $$name says of it
}

func newLog(clock func() time.Time, logger *slog.Logger) *log {
	l := &log{clock: clock, logger: logger, streams: map[string]*stream{}, kinds: map[string]string{}}
	l.chunks.Store(&[]*chunk{})
	return l
}

// openLog reads the data folder, or begins as a new server does. Without one nothing is kept.
func openLog(o Options) (*log, error) {
	l := newLog(o.Clock, o.Logger)
	if o.Data != "" {
		var err error
		if l.journal, err = openJournal(o.Data, o.Logger, l.replay); err != nil {
			return nil, err
		}
		l.recent.clear() // the real server's cache of ids does not survive a restart
	}
	return l, l.bootstrap(len(o.Users) > 0)
}

func (l *log) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.journal.close()
}

// count is how many records there are to read.
func (l *log) count() int { return int(l.published.Load()) }

// at is one of the records below count.
func (l *log) at(i int) *record { return &(*l.chunks.Load())[i/chunkSize][i%chunkSize] }

// end is the position after the last record; last is that of the last record.
func (l *log) end() int64 {
	if n := l.count(); n > 0 {
		return l.at(n - 1).end
	}
	return 0
}

func (l *log) last() int64 {
	if n := l.count(); n > 0 {
		return l.at(n - 1).position
	}
	return -1
}

// find is the place of the first record at or after a position, and whether a record starts or the log ends there.
func (l *log) find(position int64) (i int, boundary bool) {
	n := l.count()
	i = sort.Search(n, func(i int) bool { return l.at(i).position >= position })
	if i < n {
		return i, l.at(i).position == position
	}
	return n, n == 0 || l.at(n-1).end == position
}

// growth is closed when something is appended. Ask for it before looking at count, and nothing is missed.
func (l *log) growth() <-chan struct{} {
	l.waiting.Lock()
	defer l.waiting.Unlock()
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return l.grown
}

func (l *log) wake() {
	l.waiting.Lock()
	defer l.waiting.Unlock()
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// entry is a record to be written: an event and where it goes.
type entry struct {
	event
	stream   string
	revision int64
	created  int64
	system   bool
}

// commit writes entries, all or none, and publishes them at once. The caller holds mu.
func (l *log) commit(entries ...entry) error {
	if err := l.journal.write(entries); err != nil {
		return err
	}
	l.add(entries)
	l.wake()
	return nil
}

func (l *log) replay(entries []entry) { l.add(entries) }

func (l *log) add(entries []entry) {
	n := l.count()
	position := l.end()
	chunks := *l.chunks.Load()
	for _, e := range entries {
		if n/chunkSize == len(chunks) {
			grown := append(chunks[:len(chunks):len(chunks)], new(chunk))
			l.chunks.Store(&grown)
			chunks = grown
		}
		r := &chunks[n/chunkSize][n%chunkSize]
		*r = record{
			position: position,
			end:      position + recordSize(e.stream, e.kind, e.data, e.metadata),
			revision: e.revision,
			created:  e.created,
			stream:   l.stream(e.stream),
			kind:     l.kind(e.kind),
			id:       e.id,
			json:     e.json,
			system:   e.system,
		}
		if !e.system {
			r.encode(e.data, e.metadata)
			l.index(r, n)
		}
		position = r.end
		n++
	}
	l.published.Store(int64(n))
}

// index makes an event known to its stream, and to the stream whose metadata it is.
func (l *log) index(r *record, place int) {
	s := r.stream
	s.records = append(s.records, uint32(place)) //nolint:gosec // four thousand million records do not fit in memory
	s.last = r.revision
	l.recent.put(r.id, s, r.revision)
	if isMetastream(s.name) {
		meta := streamMeta{}
		if r.json {
			meta = parseMeta(r.payload())
		}
		l.stream(originalOf(s.name)).meta = meta
	}
}

// stream is the one of that name, known from now on. The caller holds mu to write.
func (l *log) stream(name string) *stream {
	s := l.streams[name]
	if s == nil {
		s = &stream{name: name, last: noStream}
		l.streams[name] = s
	}
	return s
}

func (l *log) kind(name string) string {
	known, ok := l.kinds[name]
	if !ok {
		known = name
		l.kinds[name] = name
	}
	return known
}

// lastOf is a stream's last revision. A tombstone covers the metadata stream as well. The caller holds mu.
func (l *log) lastOf(name string) int64 {
	if isMetastream(name) && l.lastOf(originalOf(name)) == deleted {
		return deleted
	}
	if s := l.streams[name]; s != nil {
		return s.last
	}
	return noStream
}

// metaOf is what holds for a stream; of a metadata stream only the last event is ever read. The caller holds mu.
func (l *log) metaOf(name string) streamMeta {
	if isMetastream(name) {
		return streamMeta{maxCount: 1}
	}
	if s := l.streams[name]; s != nil {
		return s.meta
	}
	return streamMeta{}
}

// bootstrap writes what a new server writes first, so that no event of a user has position 0 and there are events of the
// system to be filtered out: an epoch and the metadata of its own statistics. A server that has users adds its first two
// when they are not there yet; an insecure one knows of none.
func (l *log) bootstrap(users bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := ticksOf(l.clock())
	first := func(stream, kind, data string) entry {
		return entry{event: event{id: uuid.New(), kind: kind, json: true, data: []byte(data)}, stream: stream, created: now}
	}
	user := func(name, full, group string) entry {
		return first("$user-"+name, "$UserCreated",
			`{"loginName":"`+name+`","fullName":"`+full+`","salt":"","hash":"","disabled":false,"groups":["`+group+`"]}`)
	}
	var entries []entry
	if l.count() == 0 {
		entries = append(entries,
			entry{event: event{id: uuid.New(), kind: "$epoch"}, created: now, system: true},
			first(epochStream, epochStream, `{"epochNumber":0,"epochPosition":0}`),
			first("$$$stats-127.0.0.1:2113", kindMetadata, `{"$maxAge":86400,"$cacheControl":0}`),
		)
	}
	if users && l.lastOf("$users") == noStream {
		second := first("$users", "$User", "ops")
		second.revision = 1
		entries = append(entries,
			user("admin", "Event Store Administrator", "$admins"), first("$users", "$User", "admin"),
			user("ops", "Event Store Operations", "$ops"), second,
		)
	}
	if len(entries) == 0 {
		return nil
	}
	return l.commit(entries...)
}
