package runtime

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"waybill/adapters/postgres"
	"waybill/domain/product"
	"waybill/projections/runtimetest"
)

// TestFrozenInTheMiddleOfABatch has a checkpoint locked by one who then sends nothing more, and nothing that would end its transaction: no
// time-out of the server's knows such a session. The read model goes on all the same, and whoever takes over from a frozen node.
func TestFrozenInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	for name, starts := range map[string]bool{"under who works": true, "under who takes over": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			defer postgres.EndFrozen(w.pool, runtimetest.Log(t))() // as every node does
			var r *Runtime
			if starts {
				r = w.start(nil)
				w.append(someProduct(), product.Listed{})
				w.caughtUp(r)
			}
			freezeWithTheCheckpoint(w)
			if !starts {
				r = w.start(nil)
			}
			w.append(someProduct(), product.Listed{})
			w.caughtUp(r)
			w.equalsFold(r)
		})
	}
}

func freezeWithTheCheckpoint(w *world) {
	t := w.t
	t.Helper()
	conn, err := w.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	if _, err := conn.Exec(t.Context(), beginBriefly); err != nil {
		t.Fatal(err)
	}
	raw := conn.Conn().PgConn().Frontend()
	raw.SendParse(&pgproto3.Parse{Query: `SELECT position FROM projections.checkpoints WHERE projection = 'tally_v1' FOR UPDATE`})
	raw.SendBind(&pgproto3.Bind{})
	raw.SendExecute(&pgproto3.Execute{})
	raw.Send(&pgproto3.Flush{})
	if err := raw.Flush(); err != nil {
		t.Fatal(err)
	}
	w.eventually("it has the lock", func() bool {
		var has bool
		err := w.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND granted AND mode = 'RowShareLock'
			AND relation = 'projections.checkpoints'::regclass)`, conn.Conn().PgConn().PID()).Scan(&has)
		return err == nil && has
	})
}
