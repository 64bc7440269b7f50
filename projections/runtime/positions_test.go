package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/product"
	"waybill/projections"
	"waybill/projections/runtimetest"
)

// The other nodes hear where this one's projectors are; their own poll is only for what was lost.
func TestPositionsAreAnnounced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, err := pgx.Connect(t.Context(), pgtest.URL(w.pool))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), `LISTEN `+checkpointChannel); err != nil {
		t.Fatal(err)
	}
	w.start(nil)
	at := w.append(someProduct(), product.Listed{}).Position
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for heard := ""; heard != fmt.Sprintf("tally_v1 %d", at); {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			t.Fatalf("position %d was not announced, the last was %q: %v", at, heard, err)
		}
		heard = n.Payload
	}
}

// A database that goes down comes back without its last transactions: what was known of it before says nothing any more.
func TestPositionsAreForgottenWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := w.pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	var down atomic.Bool
	config, err := pgxpool.ParseConfig(pgtest.URL(w.pool))
	if err != nil {
		t.Fatal(err)
	}
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if down.Load() {
			return nil, errors.New("down")
		}
		return dial(ctx, network, addr)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)

	runtimetest.Hold(t, w.pool, w.model.Schema)
	exec(`UPDATE projections.checkpoints SET position = 10 WHERE projection = $1`, w.model.Schema)
	r := w.start(func(c *Config) { c.Pool, c.MaxWait = pool, 10*time.Millisecond })
	w.eventually("position 10", func() bool { return r.Positions().At("tally") == 10 })
	w.eventually("it listening", func() bool {
		var listening bool
		err := w.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'
			AND query = $1)`, positionsSQL).Scan(&listening)
		return err == nil && listening
	})

	down.Store(true)
	exec(`UPDATE projections.checkpoints SET position = 5 WHERE projection = $1`, w.model.Schema)
	exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`)
	w.eventually("nothing known", func() bool { return r.Positions().At("tally") == 0 })
	if err := r.Positions().Wait(t.Context(), "tally", 5); !errors.Is(err, ErrBehind) {
		t.Errorf("wait while the database is down: %v", err)
	}
	down.Store(false)
	w.eventually("position 5", func() bool { return r.Positions().At("tally") == domain.Position(5) })
}

// TestALieAboutAPositionIsNotBelieved: whoever may connect to the database may send notifications, and a reader that waits for a
// position would be shown what is older.
func TestALieAboutAPositionIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	w.append(someProduct(), product.Listed{})
	w.caughtUp(r)
	w.exec(`INSERT INTO projections.checkpoints (projection, position) VALUES ('another', 5)`)
	w.exec(`SELECT pg_notify('`+checkpointChannel+`', n) FROM unnest($1::text[]) n`,
		[]string{"tally_v1 9223372036854775807", "tally_v1 -1", "tally_v1", "", "another 5"})
	w.eventually("the notifications", func() bool { at, _ := r.Positions().state("another"); return at == 5 })
	w.append(domain.Stream("account", uuid.New()), account.Opened{DisplayName: "三亚"})
	w.caughtUp(r)
	if at := r.Positions().At("tally"); at != w.head() {
		t.Errorf("the read model is said to be at %d, and the log ends at %d", at, w.head())
	}
}

// Who follows a model hears that it went back, and who waits for where it is does not wait.
func TestPositionsThatWentBack(t *testing.T) {
	t.Parallel()
	p := newPositions(nil, []projections.ReadModel{{Name: "m", Schema: "m_v1"}}, 0, slog.New(slog.DiscardHandler))
	p.advance("m_v1", 5)
	p.reset(map[string]domain.Position{"m_v1": 3})
	p.advance("m_v1", 2)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if now, err := p.Changed(over, "m", 5); now != 3 || err != nil {
		t.Errorf("it is at %d: %v", now, err)
	}
	if err := p.Wait(over, "m", 3); err != nil {
		t.Error(err)
	}
	if err := p.Wait(over, "m", 4); !errors.Is(err, ErrBehind) {
		t.Errorf("got %v", err)
	}
}
