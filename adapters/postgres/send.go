package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"waybill/domain"
)

// committerSettings fix the plan of appendSQL: made once, and by index however young the table's statistics are.
var committerSettings = map[string]string{
	"plan_cache_mode":   "force_generic_plan",
	"enable_seqscan":    "off",
	"statement_timeout": strconv.FormatInt(patience.Milliseconds(), 10),
}

// Expected revisions as appendSQL reads them: the revision of the last event, -1 for no stream, or:
const (
	expectedAny    = -2
	expectedExists = -3
)

func encodeExpected(e domain.ExpectedRevision) int64 {
	if revision, ok := e.Exact(); ok {
		return clamp(revision)
	}
	switch {
	case e.IsNoStream():
		return -1
	case e.IsAny():
		return expectedAny
	}
	return expectedExists
}

const lockSQL = `select pg_advisory_xact_lock($1)`

// appendSQL writes a batch with at most one append for each stream and answers a row for each that was accepted.
// An append at any revision is refused when the stream holds one of its ids: its caller finds out where.
const appendSQL = `
with appends as (
	select a.i, a.stream, a.n, coalesce(l.revision, -1) as last,
		case when a.expected >= -1 then coalesce(l.revision, -1) = a.expected
		else (a.expected = -2 or l.revision is not null) and not exists (
			select from eventstore.events d join unnest($4::int8[], $6::uuid[]) e(i, id) on e.id = d.id
			where d.stream = a.stream and e.i = a.i)
		end as accepted
	from unnest($1::text[], $2::int8[], $3::int8[]) with ordinality a(stream, expected, n, i)
	left join lateral (
		select revision from eventstore.events e where e.stream = a.stream order by revision desc limit 1
	) l on true
), placed as (
	select i, stream, n, last, head.position + sum(n) over (order by i) - n as before
	from appends, (select coalesce(max(position), 0) as position from eventstore.events) head
	where accepted
), written as (
	insert into eventstore.events (position, stream, revision, id, type, data, metadata, recorded_at)
	select p.before + e.k, p.stream, p.last + e.k, e.id, e.type, e.data, e.metadata, statement_timestamp()
	from placed p
	join unnest($4::int8[], $5::int8[], $6::uuid[], $7::text[], $8::bytea[], $9::bytea[]) e(i, k, id, type, data, metadata) on e.i = p.i
)
select i, last + n, (before + n)::int8, pg_notify('waybill_events', (max(before + n) over ())::text) from placed`

// send writes a batch in one round trip and one transaction. On success every append has its outcome.
// The lock and the insert share an implicit transaction, so that the insert's snapshot is taken after the lock.
func send(ctx context.Context, conn *pgx.Conn, batch []*pending, committed func(domain.Position)) error {
	outcomes := make([]outcome, len(batch))
	var b pgx.Batch
	b.Queue(lockSQL, int64(appendLock))
	b.Queue(appendSQL, arguments(batch)...).Query(func(rows pgx.Rows) error {
		var i, revision, position int64
		_, err := pgx.ForEachRow(rows, []any{&i, &revision, &position, nil}, func() error {
			outcomes[i-1] = outcome{accepted: true, result: domain.AppendResult{
				Revision: uint64(revision), Position: domain.Position(position), //nolint:gosec // never negative
			}}
			return nil
		})
		return err
	})
	// Close returns once the server has committed: only then is anything certain.
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	var head domain.Position
	for i, p := range batch {
		head = max(head, outcomes[i].result.Position)
		p.done <- outcomes[i]
	}
	committed(head)
	return nil
}

// arguments are appendSQL's: three arrays with an element for each append, then six with one for each event.
func arguments(batch []*pending) []any {
	n := countEvents(batch)
	streams, expected, counts := make([]string, len(batch)), make([]int64, len(batch)), make([]int64, len(batch))
	appends, offsets := make([]int64, 0, n), make([]int64, 0, n)
	ids, types := make([]pgtype.UUID, 0, n), make([]string, 0, n)
	data, metadata := make([][]byte, 0, n), make([][]byte, 0, n)
	for i, p := range batch {
		streams[i], expected[i], counts[i] = string(p.stream), p.expected, int64(len(p.events))
		for k, e := range p.events {
			appends, offsets = append(appends, int64(i+1)), append(offsets, int64(k+1))
			ids, types = append(ids, pgtype.UUID{Bytes: e.ID, Valid: true}), append(types, e.Type)
			data, metadata = append(data, notNull(e.Data)), append(metadata, notNull(e.Metadata))
		}
	}
	return []any{streams, expected, counts, appends, offsets, ids, types, data, metadata}
}

// notNull keeps no bytes from being stored as NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
