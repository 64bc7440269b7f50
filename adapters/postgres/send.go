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

// encodeExpected is an expected revision as appendSQL reads it: that of the last event, or -1 for no stream.
func encodeExpected(e domain.ExpectedRevision) int64 {
	if revision, ok := e.Exact(); ok {
		return clamp(revision)
	}
	return -1
}

const lockSQL = `select pg_advisory_xact_lock($1)`

// appendSQL writes a batch and returns a row for each event written. All events of an append see the same last revision
// of their stream, so they go in together or not at all.
const appendSQL = `
insert into eventstore.events (position, stream, revision, id, type, data, metadata, recorded_at)
select head.position + row_number() over (order by e.i), e.stream, l.last + e.k, e.id, e.type, e.data, e.metadata, statement_timestamp()
from unnest($1::text[], $2::int8[], $3::int8[], $4::uuid[], $5::text[], $6::bytea[], $7::bytea[])
	with ordinality e(stream, expected, k, id, type, data, metadata, i)
cross join lateral (select coalesce(max(revision), -1) as last from eventstore.events s where s.stream = e.stream) l
cross join (select coalesce(max(position), 0) as position from eventstore.events) head
where l.last = e.expected
returning stream, revision, position`

// appendOneSQL is appendSQL for a batch of one event, at two thirds of its cost: it is what a lone writer waits for.
const appendOneSQL = `
insert into eventstore.events (position, stream, revision, id, type, data, metadata, recorded_at)
select (select coalesce(max(position), 0) from eventstore.events) + 1, $1, $2::int8 + 1, $3, $4, $5, $6, statement_timestamp()
where (select coalesce(max(revision), -1) from eventstore.events where stream = $1) = $2::int8
returning stream, revision, position`

// send writes a batch in one round trip and one transaction. On success every append has its outcome.
// The lock and the insert share an implicit transaction, so that the insert's snapshot is taken after the lock.
func send(ctx context.Context, conn *pgx.Conn, batch []*pending) (domain.Position, error) {
	outcomes := make(map[string]outcome, len(batch))
	head := domain.Position(0)
	var b pgx.Batch
	b.Queue(lockSQL, int64(appendLock))
	sql, args := statement(batch)
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		var stream string
		var revision, position int64
		_, err := pgx.ForEachRow(rows, []any{&stream, &revision, &position}, func() error {
			head = max(head, domain.Position(position)) //nolint:gosec // never negative
			outcomes[stream] = outcome{accepted: true, result: domain.AppendResult{
				Revision: max(outcomes[stream].result.Revision, domain.Revision(revision)), //nolint:gosec // never negative
				Position: max(outcomes[stream].result.Position, domain.Position(position)), //nolint:gosec // never negative
			}}
			return nil
		})
		return err
	})
	// Close returns once the server has committed: only then is anything certain.
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return 0, err
	}
	if err := confirmed(conn.PgConn()); err != nil {
		return 0, err
	}
	for _, p := range batch {
		p.done <- outcomes[string(p.stream)]
	}
	return head, nil
}

func statement(batch []*pending) (string, []any) {
	if p := batch[0]; len(batch) == 1 && len(p.events) == 1 {
		e := p.events[0]
		return appendOneSQL, []any{
			string(p.stream), p.expected, pgtype.UUID{Bytes: e.ID, Valid: true}, e.Type, notNull(e.Data), notNull(e.Metadata),
		}
	}
	return appendSQL, arguments(batch)
}

// arguments are appendSQL's: seven arrays with an element for each event.
func arguments(batch []*pending) []any {
	n := countEvents(batch)
	streams, types := make([]string, 0, n), make([]string, 0, n)
	expected, offsets := make([]int64, 0, n), make([]int64, 0, n)
	data, metadata := make([][]byte, 0, n), make([][]byte, 0, n)
	ids := make([]pgtype.UUID, 0, n)
	for _, p := range batch {
		for k, e := range p.events {
			streams, expected, offsets = append(streams, string(p.stream)), append(expected, p.expected), append(offsets, int64(k+1))
			ids, types = append(ids, pgtype.UUID{Bytes: e.ID, Valid: true}), append(types, e.Type)
			data, metadata = append(data, notNull(e.Data)), append(metadata, notNull(e.Metadata))
		}
	}
	return []any{streams, expected, offsets, ids, types, data, metadata}
}

// notNull keeps no bytes from being stored as NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
