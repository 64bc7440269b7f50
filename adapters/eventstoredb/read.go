package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"waybill/domain"
)

// walk is one way through a stream or the log. It remembers how far it is, so that it can be taken up again.
type walk struct {
	what string
	// open begins where at says, which follows the events, for as many events as are wanted still.
	open func(ctx context.Context, client *esdb.Client, at uint64, left int) (source, error)
	at   uint64
	left int
	key  func(domain.RecordedEvent) uint64
	// categories are those of the streams that are wanted; nil for all.
	categories []string
	// last is the event that was yielded last; zero for none.
	last domain.RecordedEvent
	// skip leaves out events that open could not; nil for none.
	skip func(e domain.RecordedEvent, at uint64) bool
	// watch sees every event that the server sends, and ends the walk before the first for which it returns false; nil for nobody.
	watch func(*esdb.RecordedEvent) bool
}

// ReadStream implements domain.EventStore.
func (s *Store) ReadStream(
	ctx context.Context, stream domain.StreamName, from domain.Revision, dir domain.Direction, limit int,
) iter.Seq2[domain.RecordedEvent, error] {
	w := walk{what: "read " + string(stream), left: limit}
	if dir == domain.Backward {
		w.at = uint64(min(from, domain.End)) + 1 // exclusive, so that 0 is past the first
		w.key = func(e domain.RecordedEvent) uint64 { return uint64(e.Revision) }
	} else {
		w.at = uint64(from)
		w.key = func(e domain.RecordedEvent) uint64 { return uint64(e.Revision) + 1 }
	}
	w.open = func(ctx context.Context, client *esdb.Client, at uint64, left int) (source, error) {
		options := esdb.ReadStreamOptions{Direction: esdb.Forwards, From: esdb.Revision(at)}
		if dir == domain.Backward {
			options.Direction, options.From = esdb.Backwards, esdb.Revision(at-1)
		}
		switch {
		case dir == domain.Backward && at == 0, dir == domain.Forward && at >= uint64(domain.End):
			return nothing{}, nil
		case dir == domain.Backward && at > uint64(domain.End):
			options.From = esdb.End{}
		}
		read, err := client.ReadStream(onLeader(ctx), s.named(stream), options, uint64(left)) //nolint:gosec // above zero
		return reading{read}, err
	}
	return s.read(ctx, w)
}

// ReadAll implements domain.EventStore. A position that no event has is found all the same, by reading from the log's end.
func (s *Store) ReadAll(ctx context.Context, at domain.Position, dir domain.Direction, limit int) iter.Seq2[domain.RecordedEvent, error] {
	return s.readAll(ctx, at, dir, limit, nil)
}

func (s *Store) readAll(
	ctx context.Context, at domain.Position, dir domain.Direction, limit int, categories []string,
) iter.Seq2[domain.RecordedEvent, error] {
	if dir == domain.Backward && at >= domain.LogEnd && limit == 1 {
		return s.newest(ctx, categories)
	}
	w := walk{
		what: "read the log", categories: categories, at: uint64(min(at, domain.LogEnd)), left: limit,
		key: func(e domain.RecordedEvent) uint64 { return uint64(e.Position) },
		// The server begins with the event at the position when it goes forward; the caller has that one.
		skip: func(e domain.RecordedEvent, at uint64) bool { return uint64(e.Position) <= at },
	}
	if dir == domain.Backward {
		w.skip = func(e domain.RecordedEvent, at uint64) bool { return uint64(e.Position) >= at }
	}
	w.open = func(ctx context.Context, client *esdb.Client, at uint64, left int) (source, error) {
		return openLog(onLeader(ctx), client, dir, at, left)
	}
	fromTheEnd := w
	fromTheEnd.open = func(ctx context.Context, client *esdb.Client, at uint64, left int) (source, error) {
		if dir == domain.Backward {
			return openLog(onLeader(ctx), client, dir, uint64(domain.LogEnd), domain.NoLimit)
		}
		return openLog(onLeader(ctx), client, dir, 0, domain.NoLimit)
	}
	return func(yield func(domain.RecordedEvent, error) bool) {
		for e, err := range s.read(ctx, w) {
			if err != nil && judge(err) == misplaced {
				s.read(ctx, fromTheEnd)(yield)
				return
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// backward yields the newest event of some categories, if watch does not end the search before.
func (s *Store) backward(
	ctx context.Context, categories []string, watch func(*esdb.RecordedEvent) bool,
) iter.Seq2[domain.RecordedEvent, error] {
	return s.read(ctx, walk{
		what: "read the log", categories: categories, at: uint64(domain.LogEnd), left: 1, watch: watch,
		key: func(e domain.RecordedEvent) uint64 { return uint64(e.Position) },
		open: func(ctx context.Context, client *esdb.Client, at uint64, left int) (source, error) {
			return openLog(onLeader(ctx), client, domain.Backward, at, left)
		},
	})
}

// read yields w's events; after an interruption it goes on behind the last.
func (s *Store) read(ctx context.Context, w walk) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		w := w // the sequence may be ranged over again
		var wait backoff
		for progress := time.Now(); w.left > 0; {
			before := w.left
			err := s.stillThere(ctx, w.last)
			if err == nil {
				var more bool
				if more, err = s.readOn(ctx, &w, yield); !more {
					return
				}
			}
			if w.left < before {
				progress = time.Now()
				wait.reset()
			}
			if ctx.Err() != nil {
				err = ctx.Err()
			} else if err != nil && worthAnother(err) && time.Since(progress) < s.patience() && wait.sleep(ctx.Done()) {
				continue
			}
			if err != nil {
				s.noteRefusal(err, false)
				yield(domain.RecordedEvent{}, s.explained(unavailable(w.what, err)))
			}
			return
		}
	}
}

// readOn yields events until the end, an error, or the caller's no; more is false after a no.
func (s *Store) readOn(ctx context.Context, w *walk, yield func(domain.RecordedEvent, error) bool) (more bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := newFeed()
	at, left := w.at, w.left
	used := s.nodes.now()
	s.pump(ctx, f, w.categories, w.watch, func(ctx context.Context, client *esdb.Client) (source, error) {
		return w.open(ctx, client, at, left)
	})
	silent := time.NewTimer(s.timeout)
	defer silent.Stop()
	for t := (taken{}); ; {
		select {
		case <-f.ready:
		case <-ctx.Done():
			return true, ctx.Err()
		case <-silent.C:
			used.abandon(errSilent)
			return true, fmt.Errorf("%w for %v", errSilent, s.timeout)
		}
		t = f.take(t.events)
		s.saw(t.events)
		for _, e := range t.events {
			if w.skip != nil && w.skip(e, w.at) {
				continue
			}
			w.at, w.last = w.key(e), domain.RecordedEvent{ID: e.ID, Stream: e.Stream, Revision: e.Revision, Position: e.Position}
			w.left--
			if !yield(e, nil) {
				return false, nil
			}
			if w.left == 0 {
				return true, nil
			}
		}
		if t.ended && t.err != nil && judge(t.err) == missing {
			return true, nil
		}
		if t.ended {
			return true, t.err
		}
		silent.Reset(s.timeout)
	}
}

// pump opens a source on the current client and feeds f from it until it or ctx ends, or watch has seen enough, in the background;
// what is of other categories, if any are named, stays out.
func (s *Store) pump(
	ctx context.Context, f *feed, categories []string, watch func(*esdb.RecordedEvent) bool,
	open func(context.Context, *esdb.Client) (source, error),
) {
	go func() {
		_, err := call(ctx, s.nodes, 0, func(ctx context.Context, client *esdb.Client) (struct{}, error) {
			from, err := open(ctx, client)
			if err != nil {
				return struct{}{}, err
			}
			defer from.close()
			for {
				e, err := from.next(f)
				if err != nil {
					return struct{}{}, err
				}
				if e == nil {
					signal(f.ready)
					continue
				}
				if watch != nil && !watch(e) {
					return struct{}{}, errEnd
				}
				stream, ok := s.ours(e.StreamID, e.EventType)
				if ok && categories != nil && !slices.Contains(categories, stream.Category()) {
					s.passedOver.Add(1)
					ok = false
				}
				if !ok {
					signal(f.ready) // what others keep is no silence of the server's
				} else if !f.put(ctx, recorded(e, stream)) {
					return struct{}{}, ctx.Err()
				}
			}
		})
		if errors.Is(err, errEnd) {
			err = nil
		}
		f.end(err)
	}()
}

// source is an open read or subscription. next returns nil for what is no event, and errEnd at the end of a read.
type source interface {
	next(f *feed) (*esdb.RecordedEvent, error)
	close()
}

var errEnd = errors.New("end of the read")

// reading is a read as a source.
type reading struct{ *esdb.ReadStream }

func (r reading) next(*feed) (*esdb.RecordedEvent, error) {
	e, err := r.Recv()
	if err == io.EOF { //nolint:errorlint // only the bare one is the end; a failure may wrap it
		return nil, errEnd
	}
	if err != nil {
		return nil, err
	}
	return e.Event, nil
}

func (r reading) close() { r.Close() }

// logReading reads the log page by page when only a few events are wanted, so that the server does not send the rest of
// the log after them. Events of others come between ours, so a page may hold too few.
type logReading struct {
	reading
	open func(at uint64, page int) (*esdb.ReadStream, error)
	page int
	got  int
	last uint64
}

const (
	// pageSlack is how many events more than wanted the first page has. The next ones double, since others' may be many.
	pageSlack = 64
	// longestPage bounds a page that found too few.
	longestPage = 4096
)

func openLog(ctx context.Context, client *esdb.Client, dir domain.Direction, at uint64, left int) (source, error) {
	page := domain.NoLimit
	if left < math.MaxInt32 {
		page = left + pageSlack
	}
	open := func(at uint64, page int) (*esdb.ReadStream, error) {
		options := esdb.ReadAllOptions{Direction: esdb.Forwards, From: esdb.Position{Commit: at, Prepare: at}}
		if dir == domain.Backward {
			options.Direction = esdb.Backwards
		}
		switch {
		case dir == domain.Backward && at >= uint64(domain.LogEnd):
			options.From = esdb.End{}
		case dir == domain.Forward && at == 0:
			options.From = esdb.Start{}
		}
		return client.ReadAll(ctx, options, uint64(page)) //nolint:gosec // above zero
	}
	read, err := open(at, page)
	return &logReading{reading: reading{read}, open: open, page: page}, err
}

func (r *logReading) next(f *feed) (*esdb.RecordedEvent, error) {
	e, err := r.reading.next(f)
	if errors.Is(err, errEnd) && r.got >= r.page { // forward, a page begins with the last of the page before
		r.page = max(r.page, min(2*r.page, longestPage))
		next, err := r.open(r.last, r.page)
		if err != nil {
			return nil, err
		}
		r.close()
		r.ReadStream, r.got = next, 0
		return nil, nil
	}
	if e != nil {
		r.got++
		r.last = e.Position.Commit
	}
	return e, err
}

// nothing is the source of what cannot exist.
type nothing struct{}

func (nothing) next(*feed) (*esdb.RecordedEvent, error) { return nil, errEnd }
func (nothing) close()                                  {}

func recorded(e *esdb.RecordedEvent, stream domain.StreamName) domain.RecordedEvent {
	return domain.RecordedEvent{
		ID: e.EventID, Stream: stream, Revision: domain.Revision(e.EventNumber), Position: domain.Position(e.Position.Commit),
		Type: e.EventType, Data: e.Data, Metadata: e.UserMetadata, RecordedAt: e.CreatedDate,
	}.Sized()
}
