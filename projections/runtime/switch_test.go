package runtime

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain/product"
	"waybill/projections"
)

// When the answer to the commit of the switch was lost, the next try finds that it has happened, and what came since is untouched.
func TestSwitchWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	w.append(someProduct(), product.Listed{}, product.Pinned{})
	w.caughtUp(r)
	rebuilt := rebuild{
		target: newTarget(w.pool, w.model, "tally_v1_next", KnownVocabulary()), store: w.store, live: "tally_v1", old: "tally_v1_old",
	}
	if err := rebuilt.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := rebuilt.swap(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.append(someProduct(), product.Listed{})
	w.caughtUp(r)
	for range 2 {
		if err := rebuilt.swap(t.Context()); err != nil {
			t.Fatalf("once more: %v", err)
		}
	}
	w.equalsFold(r)
	if err := rebuilt.dropOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Somebody else dropped what was to take the place.
	lost := rebuild{target: newTarget(w.pool, w.model, "tally_v1_next", KnownVocabulary()), store: w.store, live: "tally_v1", old: "tally_v1_old"}
	if err := lost.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := drop(t.Context(), w.pool, "tally_v1_next"); err != nil {
		t.Fatal(err)
	}
	if err := lost.swap(t.Context()); !errors.Is(err, errFenced) {
		t.Errorf("%v", err)
	}
	w.equalsFold(r)
}

// stranger is a pool of a role that may use all tables and owns none.
func (w *world) stranger(grants ...string) (pool *pgxpool.Pool, role string) {
	w.t.Helper()
	role = fmt.Sprintf("stranger_%d", rand.Int64())
	pgtest.AsAdmin(w.t, w.pool, `CREATE ROLE `+role+` LOGIN PASSWORD 'sesame'`)
	w.t.Cleanup(func() { pgtest.AsAdmin(w.t, w.pool, `DROP OWNED BY `+role+` CASCADE; DROP ROLE `+role) })
	for _, grant := range grants {
		pgtest.AsAdmin(w.t, w.pool, strings.ReplaceAll(grant, "ROLE", role))
	}
	config := w.pool.Config()
	config.ConnConfig.User, config.ConnConfig.Password = role, "sesame"
	pool, err := pgxpool.NewWithConfig(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(pool.Close)
	return pool, role
}

// A role that lacks a right is told so, and how to give it, before anything is begun; with what it was told to run it works.
func TestRightsAreAskedFirst(t *testing.T) {
	t.Parallel()
	use := []string{
		`GRANT USAGE ON SCHEMA eventstore, projections, tally_v1 TO ROLE`,
		`GRANT SELECT ON ALL TABLES IN SCHEMA eventstore TO ROLE`,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projections, tally_v1 TO ROLE`,
	}
	for name, c := range map[string]struct {
		grants []string
		work   func(*world, *pgxpool.Pool) error
		want   []string
	}{
		"rebuild, owning nothing": {use, (*world).rebuiltBy, []string{"GRANT CREATE ON DATABASE", "ALTER SCHEMA tally_v1 OWNER TO"}},
		"rebuild, with no right":  {nil, (*world).rebuiltBy, []string{"GRANT USAGE ON SCHEMA eventstore", "GRANT SELECT ON eventstore.events", "ON projections.checkpoints"}},
		"verify, owning nothing":  {use, (*world).comparedBy, []string{"GRANT CREATE ON DATABASE"}},
		"verify, with no right":   {nil, (*world).comparedBy, []string{"GRANT SELECT ON ALL TABLES IN SCHEMA tally_v1", "GRANT USAGE ON SCHEMA tally_v1"}},
		"prune, owning nothing":   {use, (*world).prunedBy, []string{"ALTER SCHEMA tally_v0_next OWNER TO"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.append(someProduct(), product.Listed{})
			pool, role := w.stranger(c.grants...)
			if strings.HasPrefix(name, "prune") {
				if _, err := w.pool.Exec(t.Context(), `CREATE SCHEMA tally_v0_next`); err != nil {
					t.Fatal(err)
				}
			}
			before := time.Now()
			err := c.work(w, pool)
			var missing RightsError
			if !errors.As(err, &missing) || missing.Role != role || time.Since(before) > dropTimeout/2 {
				t.Fatalf("after %v: %v", time.Since(before), err)
			}
			if owner := w.pool.Config().ConnConfig.User; !strings.Contains(err.Error(), "use the role that owns the tables, "+owner+", or") {
				t.Errorf("%v: it does not say that %s owns the tables", err, owner)
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(missing.Cure, func(s string) bool { return strings.Contains(s, want) }) {
					t.Errorf("%v: it does not say %s", err, want)
				}
			}
			var schemas int
			err = w.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname ~ '^tally_v1_'`).Scan(&schemas)
			if err != nil || schemas != 0 {
				t.Errorf("%d schemas were made: %v", schemas, err)
			}
			pgtest.AsAdmin(t, w.pool, strings.Join(missing.Cure, ";"))
			if err := c.work(w, pool); err != nil {
				t.Errorf("after the cure: %v", err)
			}
		})
	}
}

func (w *world) rebuiltBy(pool *pgxpool.Pool) error {
	_, err := Rebuild(w.t.Context(), pool, w.store, w.model, nil)
	return err
}

func (w *world) comparedBy(pool *pgxpool.Pool) error {
	_, err := Compare(w.t.Context(), pool, w.store, w.model)
	return err
}

func (w *world) prunedBy(pool *pgxpool.Pool) error {
	_, err := Prune(w.t.Context(), pool, []projections.ReadModel{w.model})
	return err
}

// A command ends with what does not pass by itself, and waits for what does.
func TestPassing(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"42501": false, "3F000": false, "42P01": false, "42P06": false, "53100": false, "53200": false, "53400": false, "57014": false,
		"25006": false, "58P01": false, "23505": false,
		"55P03": true, "40P01": true, "40001": true, "57P01": true, "57P03": true, "53300": true, "08006": true, "25P03": true,
	} {
		if got := passing(&pgconn.PgError{Code: code}); got != want {
			t.Errorf("%s passes: %v", code, got)
		}
	}
}

// Whoever waits for a rebuild or a comparison is told what it is at, and how far.
func TestProgressTellsPhases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	for range 20 {
		w.append(someProduct(), product.Listed{}, product.Pinned{})
	}
	w.caughtUp(r)
	var (
		phases []string
		last   Progress
	)
	tell := func(p Progress) {
		if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
		last = p
	}
	if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, tell); err != nil {
		t.Fatal(err)
	}
	if want := []string{PhaseEvents, PhaseIndexes, PhaseCatchingUp, PhaseSwitch}; !slices.Equal(phases, want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
	if last.Applied != 40 || last.Passed != 40 || last.Position != 40 {
		t.Errorf("in the end %+v", last)
	}
	phases = nil
	if _, err := Compare(t.Context(), w.pool, w.store, w.model, tell); err != nil {
		t.Fatal(err)
	}
	if want := []string{PhaseEvents, PhaseCompare}; !slices.Equal(phases, want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
}

// A right that is missing ends a switch, also when the session ended over it.
func TestSwitchEndsWithoutARight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.start(nil)
	w.append(someProduct(), product.Listed{})
	w.caughtUp(r)
	config, err := pgxpool.ParseConfig(pgtest.URL(w.pool))
	if err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.OpenPool(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	model := w.model
	model.Apply = func(ctx context.Context, tx pgx.Tx, _ []projections.Event) error {
		_, err := tx.Exec(ctx, `SELECT rolpassword FROM pg_authid`)
		return err
	}
	rebuilt := rebuild{
		target: newTarget(pool, model, "tally_v1_next", KnownVocabulary()), store: w.store, live: "tally_v1", old: "tally_v1_old",
	}
	if err := rebuilt.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := rebuilt.swap(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("%v", err)
	}
}
