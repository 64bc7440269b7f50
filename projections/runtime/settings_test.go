package runtime

import (
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain/product"
	"waybill/projections"
)

// What must outlive a crash of the database is on the disk, whatever the session's settings are (here: not on the disk). And whoever
// freezes with a row of it in hand is cut off, so that the others do not wait for it.
func TestWhatMustOutliveACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pool = unsettled(t, w.pool)
	w.exec(`CREATE TABLE projections.seen (what text, how text);
		CREATE FUNCTION projections.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO projections.seen VALUES (tg_argv[0], 
				current_setting('synchronous_commit') || ', ' || current_setting('idle_in_transaction_session_timeout')); RETURN NEW; END $$;
		CREATE TRIGGER see AFTER INSERT ON projections.vocabulary FOR EACH ROW EXECUTE FUNCTION projections.see('vocabulary');
		CREATE TRIGGER see AFTER UPDATE ON projections.checkpoints FOR EACH ROW WHEN (NEW.begun_at IS DISTINCT FROM OLD.begun_at)
			EXECUTE FUNCTION projections.see('beginning');
		CREATE TRIGGER claim AFTER UPDATE ON projections.checkpoints FOR EACH ROW WHEN (NEW.epoch > OLD.epoch)
			EXECUTE FUNCTION projections.see('claim');
		CREATE TRIGGER owe AFTER INSERT ON projections.ledger FOR EACH ROW EXECUTE FUNCTION projections.see('owed');
		CREATE TRIGGER see AFTER UPDATE ON projections.ledger FOR EACH ROW EXECUTE FUNCTION projections.see('outcome');
		DELETE FROM projections.vocabulary`)
	if err := Prepare(t.Context(), w.pool, []projections.ReadModel{w.model}); err != nil {
		t.Fatal(err)
	}
	o := newOutside()
	w.append(someProduct(), product.Listed{})
	r := w.startWith(o.tell(FromStart))
	w.eventually("all delivered, and a checkpoint claimed", func() bool {
		var claims int
		if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM projections.seen WHERE what = 'claim'`).Scan(&claims); err != nil {
			t.Fatal(err)
		}
		return len(o.delivered()) == 2 && claims > 0
	})
	w.close(r)
	rows, err := w.pool.Query(t.Context(), `SELECT what, string_agg(DISTINCT how, ' ') FROM projections.seen GROUP BY what`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	var what, how string
	if _, err := pgx.ForEachRow(rows, []any{&what, &how}, func() error { got[what] = how; return nil }); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"vocabulary": "on, 5s", "beginning": "on, 5s", "owed": "on, 5s", "outcome": "on, 5s", "claim": "off, 5s"}
	if !maps.Equal(got, want) {
		t.Errorf("synchronous_commit and idle_in_transaction_session_timeout %v, want %v", got, want)
	}
}

// unsettled is a pool whose sessions are as the server has them.
func unsettled(t *testing.T, pool *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	plain, err := pgxpool.New(t.Context(), pgtest.URL(pool))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plain.Close)
	return plain
}
