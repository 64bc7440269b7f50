package postgres_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// TestFrozenInTheMiddleOfAnAppend has the lock taken by one who then sends nothing more, and nothing that would end its transaction: no
// time-out of the server's knows such a session. Appends go on all the same.
func TestFrozenInTheMiddleOfAnAppend(t *testing.T) {
	t.Parallel()
	pool := pgtest.Database(t, "eventstore", postgres.Migrate)
	frozen, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Release()
	raw := frozen.Conn().PgConn().Frontend()
	raw.SendParse(&pgproto3.Parse{Query: `select pg_advisory_xact_lock($1)`, ParameterOIDs: []uint32{20}})
	raw.SendBind(&pgproto3.Bind{Parameters: [][]byte{{0x77, 0x61, 0x79, 0x62, 0x61, 0x70, 0x70, 0x64}}, ParameterFormatCodes: []int16{1}})
	raw.SendExecute(&pgproto3.Execute{})
	raw.Send(&pgproto3.Flush{})
	if err := raw.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has the lock", func() bool {
		var n int
		err := pool.QueryRow(t.Context(), `select count(*) from pg_locks where locktype = 'advisory' and granted and pid = $1`,
			frozen.Conn().PgConn().PID()).Scan(&n)
		return err == nil && n == 1
	})
	defer postgres.EndFrozen(pool, slog.New(slog.DiscardHandler))()
	s := postgres.NewEventStore(pool)
	defer s.Close()
	stream, events := anEvent("frozen-1")
	eventually(t, "an append", func() bool {
		_, err := s.Append(t.Context(), stream, domain.NoStream(), events)
		if err != nil && !errors.Is(err, domain.ErrUnavailable) {
			t.Fatal(err)
		}
		return err == nil
	})
}
