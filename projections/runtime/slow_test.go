package runtime

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/linktest"
	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain/product"
	"waybill/projections"
	"waybill/projections/runtimetest"
)

// wordy is a tally that writes much for each event, all events in one statement.
func wordy(bytes int) projections.ReadModel {
	m := tally(nil)
	m.DDL += `CREATE TABLE words (stream text NOT NULL, word text NOT NULL);`
	apply := m.Apply
	m.Apply = func(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
		streams, words := make([]string, len(events)), make([]string, len(events))
		for i, e := range events {
			streams[i], words[i] = string(e.Stream), string(make([]byte, 0, bytes))
			for len(words[i]) < bytes {
				words[i] += "0123456789abcdef"
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO words SELECT * FROM unnest($1::text[], $2::text[])`, streams, words); err != nil {
			return err
		}
		return apply(ctx, tx, events)
	}
	return m
}

// TestSlowLinkOfProjectors has the way to the database carry 200 kB a second. A batch takes longer than the server waits for one who is
// frozen: the read model goes on in smaller ones, and a rebuild, for which nobody waits, in its own.
func TestSlowLinkOfProjectors(t *testing.T) {
	if testing.Short() {
		t.Skip("what a slow link carries takes minutes; make test waits for it")
	}
	t.Parallel()
	for name, work := range map[string]func(*world, *pgxpool.Pool){
		"a projector": func(w *world, slow *pgxpool.Pool) {
			r := w.start(func(c *Config) { c.Pool = slow })
			w.equalsFold(r)
		},
		"a rebuild": func(w *world, slow *pgxpool.Pool) {
			r := w.start(nil)
			w.caughtUp(r)
			if _, err := Rebuild(w.t.Context(), slow, w.store, w.model, nil); err != nil {
				w.t.Error(err)
			}
			w.equalsFold(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			defer postgres.EndFrozen(w.pool, runtimetest.Log(t))() // as every node does
			w.model = wordy(4 << 10)
			w.exec(`DROP SCHEMA tally_v1 CASCADE; DELETE FROM projections.checkpoints`)
			if err := Prepare(t.Context(), w.pool, []projections.ReadModel{w.model}); err != nil {
				t.Fatal(err)
			}
			stream := someProduct()
			w.append(stream, product.Listed{})
			for range 9 {
				for range 20 {
					w.append(stream, product.Pinned{}, product.Unpinned{})
				}
			}
			link, url := linktest.To(t, pgtest.URL(w.pool))
			config, err := pgxpool.ParseConfig(url)
			if err != nil {
				t.Fatal(err)
			}
			slow, err := postgres.OpenPool(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(slow.Close)
			link.Slow(200_000, 50*time.Millisecond)
			work(w, slow)
		})
	}
}
