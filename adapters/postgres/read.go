package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

// Bounds of one page. While a page is consumed the next is read, so that a read holds at most two.
const (
	firstPageRows = 128
	maxPageRows   = 2000
	maxPageBytes  = 2 << 20
)

// walk is one way through the log: its SQL takes the key to go on from (exclusive), a limit, and perhaps a stream.
type walk struct {
	sql    string
	stream domain.StreamName
	at     int64
	key    func(domain.RecordedEvent) int64
	back   bool
	// last is the id of the event at the key, when it was read before: it must be there still. Nil for none.
	last uuid.UUID
}

// passed takes note of an event that was read: the next page begins with it.
func (w *walk) passed(e domain.RecordedEvent) { w.at, w.last = w.key(e), e.ID }

// from is the key and the number of rows that a page is asked for: with the event that was read last, if any.
func (w walk) from(rows int) (int64, int) {
	switch {
	case w.last == uuid.Nil:
		return w.at, rows
	case w.back:
		return w.at + 1, rows + 1
	}
	return w.at - 1, rows + 1
}

// What is larger than any append stays where it is: only its size is read, which the server knows without reading it either. So does the
// rest of a name that is longer than any of ours.
var selectEvents = fmt.Sprintf(`select position, stream, revision, id,
	case when octet_length(type) <= %[2]d then type else left(type, %[2]d) end,
	case when octet_length(data)::bigint + octet_length(metadata) <= %[1]d then data else '' end,
	case when octet_length(data)::bigint + octet_length(metadata) <= %[1]d then metadata else '' end,
	recorded_at, octet_length(data)::bigint + octet_length(metadata) from eventstore.events `, domain.MaxEventBytes, domain.MaxNameBytes)

func byRevision(e domain.RecordedEvent) int64 { return int64(e.Revision) } //nolint:gosec // it was a bigint
func byPosition(e domain.RecordedEvent) int64 { return int64(e.Position) } //nolint:gosec // it was a bigint

// ReadStream implements domain.EventStore.
func (s *EventStore) ReadStream(
	ctx context.Context, stream domain.StreamName, from domain.Revision, dir domain.Direction, limit int,
) iter.Seq2[domain.RecordedEvent, error] {
	w := walk{stream: stream, key: byRevision, back: dir == domain.Backward}
	if dir == domain.Backward {
		w.sql, w.at = selectEvents+`where stream = $3 and revision < $1 order by revision desc limit $2`, clamp(from)+1
	} else {
		w.sql, w.at = selectEvents+`where stream = $3 and revision > $1 order by revision limit $2`, clamp(from)-1
	}
	return s.read(ctx, w, limit)
}

// ReadAll implements domain.EventStore.
func (s *EventStore) ReadAll(
	ctx context.Context, at domain.Position, dir domain.Direction, limit int,
) iter.Seq2[domain.RecordedEvent, error] {
	if dir == domain.Backward {
		w := walk{sql: selectEvents + `where position < $1 order by position desc limit $2`, at: clamp(at), key: byPosition, back: true}
		return s.read(ctx, w, limit)
	}
	return s.read(ctx, forward(at), limit)
}

func forward(after domain.Position) walk {
	return walk{sql: selectEvents + `where position > $1 order by position limit $2`, at: clamp(after), key: byPosition}
}

// read yields w's events page by page. No connection is held while the caller looks at an event.
func (s *EventStore) read(ctx context.Context, w walk, limit int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		w, left := w, limit // the sequence may be ranged over again
		if left <= 0 {
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		p := s.page(ctx, w, min(left, firstPageRows))
		for {
			if p.err != nil {
				yield(domain.RecordedEvent{}, p.err)
				return
			}
			left -= len(p.events)
			var next chan page
			if p.more && left > 0 {
				w.passed(p.events[len(p.events)-1])
				next = make(chan page, 1)
				go func() { next <- s.page(ctx, w, min(left, p.nextRows())) }()
			}
			for _, e := range p.events {
				if !yield(e, nil) {
					cancel()
					if next != nil {
						<-next // it uses the pool, which the caller may close next
					}
					return
				}
			}
			if next == nil {
				return
			}
			p = <-next
		}
	}
}

// page is one query's worth of events; more is set when there may be others after it.
type page struct {
	events []domain.RecordedEvent
	bytes  int
	more   bool
	err    error
}

// nextRows sizes the next page so that it stays within maxPageBytes if its events are like this page's.
func (p page) nextRows() int {
	return max(1, min(maxPageRows, maxPageBytes*len(p.events)/(p.bytes+1)))
}

// query runs a query on a connection of the pool, and again on the next while the one it had turns out dead: after a restart
// of the server the pool is full of those. It gives up once each may have been tried.
func (s *EventStore) query(ctx context.Context, run func(*pgxpool.Conn) error) error {
	for tries := int32(0); ; tries++ {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		err = run(conn)
		dead := conn.Conn().IsClosed()
		conn.Release()
		if err == nil || !dead || ctx.Err() != nil || tries >= s.pool.Stat().MaxConns() {
			return err
		}
	}
}

// page reads up to rows events.
func (s *EventStore) page(ctx context.Context, w walk, rows int) (p page) {
	err := s.query(ctx, func(conn *pgxpool.Conn) error {
		p = readPage(ctx, conn, w, rows)
		return p.err
	})
	switch {
	case errors.Is(err, domain.ErrWentBack):
		s.tail.forget()
		p.err = fmt.Errorf("read events: %w", err)
	case err != nil:
		p.err = fmt.Errorf("read events: %w", classify(ctx, err))
	}
	return p
}

func readPage(ctx context.Context, conn *pgxpool.Conn, w walk, limit int) (p page) {
	at, most := w.from(limit)
	args := []any{pgx.QueryExecModeCacheStatement, pgx.QueryResultFormats{pgx.BinaryFormatCode}, at, most}
	if w.stream != "" {
		args = append(args, string(w.stream))
	}
	rows, err := conn.Query(ctx, w.sql, args...)
	if err != nil {
		return page{err: err}
	}
	defer rows.Close()
	types := map[string]string{}
	p.events = make([]domain.RecordedEvent, 0, limit)
	known := w.last == uuid.Nil
	for rows.Next() {
		if !known {
			if known = w.isLast(rows.RawValues()); !known {
				return page{err: wentBack(w)}
			}
			continue
		}
		e, size := decode(rows.RawValues(), types)
		p.events = append(p.events, e)
		p.bytes += size
		if p.bytes >= maxPageBytes {
			break
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return page{err: err}
	}
	if !known {
		return page{err: wentBack(w)}
	}
	p.more = len(p.events) == limit || p.bytes >= maxPageBytes
	return p
}

// isLast reports whether a row of selectEvents is the event that was read last.
func (w walk) isLast(row [][]byte) bool {
	key := row[0]
	if w.stream != "" {
		key = row[2]
	}
	return int64(binary.BigEndian.Uint64(key)) == w.at && uuid.UUID(row[3]) == w.last //nolint:gosec // it is a bigint
}

func wentBack(w walk) error {
	if w.stream != "" {
		return fmt.Errorf("%w (%s@%d)", domain.ErrWentBack, w.stream, w.at)
	}
	return fmt.Errorf("%w (position %d)", domain.ErrWentBack, w.at)
}

// EventAt finds the event at a position.
func (s *EventStore) EventAt(ctx context.Context, at domain.Position) (e domain.RecordedEvent, found bool, err error) {
	if at == 0 {
		return e, false, nil
	}
	for e, err = range s.read(ctx, forward(at-1), 1) {
		return e, err == nil && e.Position == at, err
	}
	return e, false, nil
}

// decode reads a row of selectEvents in PostgreSQL's binary format, which is twice as fast as scanning it. Few event
// types exist, so their names are shared.
func decode(row [][]byte, types map[string]string) (domain.RecordedEvent, int) {
	data, metadata := row[5], row[6]
	kept := make([]byte, len(data)+len(metadata))
	copy(kept, data)
	copy(kept[len(data):], metadata)
	name, ok := types[string(row[4])]
	if !ok {
		name = string(row[4])
		types[name] = name
	}
	oversize := int(binary.BigEndian.Uint64(row[8])) //nolint:gosec // two lengths
	if oversize <= domain.MaxEventBytes {
		oversize = 0
	}
	sinceEpoch := time.Duration(binary.BigEndian.Uint64(row[7])) * time.Microsecond //nolint:gosec // microseconds since 2000, signed
	return domain.RecordedEvent{
		Position:   domain.Position(binary.BigEndian.Uint64(row[0])),
		Stream:     domain.StreamName(row[1]),
		Revision:   domain.Revision(binary.BigEndian.Uint64(row[2])),
		ID:         uuid.UUID(row[3]),
		Type:       name,
		Data:       kept[:len(data):len(data)],
		Metadata:   kept[len(data):],
		RecordedAt: pgEpoch.Add(sinceEpoch),
		Oversize:   oversize,
	}, len(kept)
}

var pgEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
