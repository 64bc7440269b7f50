package clock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/commands"
	"waybill/domain/digest"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/clock"
	"waybill/projections/review"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

var models = []projections.ReadModel{review.Model}

// world is a log, the reviewers' desk, and a time that stands until it is put on.
type world struct {
	t        *testing.T
	pool     *pgxpool.Pool
	store    domain.EventStore
	service  *commands.Service
	provider uuid.UUID
	said     *said

	mu  sync.Mutex
	now time.Time
}

// beijing is a time of 2026.
func beijing(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2026, month, day, hour, minute, 0, 0, domain.Beijing)
}

// newWorld has an approved provider, and nothing that awaits a decision.
func newWorld(t *testing.T, now time.Time) *world {
	t.Helper()
	pool := pgtest.Database(t, "clock", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, models)
	})
	store := runtimetest.Store(t, pool)
	w := &world{t: t, pool: pool, store: store, service: commands.New(store, domaintest.Sources()), said: new(said), now: now}
	w.provider = w.applies()
	if _, err := w.service.ApproveProvider(t.Context(), w.by(domaintest.Reviewer), w.provider, commands.Decision{Revision: 1}); err != nil {
		t.Fatal(err)
	}
	return w
}

// clock is the time by which jobs are due.
func (w *world) clock(context.Context) (time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now, nil
}

// at puts the time on, to just after: what is due at the moment itself is no later than it was due.
func (w *world) at(now time.Time) *world {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now.Add(time.Millisecond)
	return w
}

// by is a new request of an account, now.
func (w *world) by(id uuid.UUID) commands.Request {
	now, _ := w.clock(w.t.Context())
	return commands.Request{ID: uuid.New(), Actor: domain.Actor{ID: id}, CorrelationID: uuid.New(), At: now}
}

// applies is a new enterprise that applies now.
func (w *world) applies() uuid.UUID {
	w.t.Helper()
	opened, err := w.service.OpenAccount(w.t.Context(), w.by(domaintest.Stranger), "海丰")
	if err != nil {
		w.t.Fatal(err)
	}
	certified := domaintest.Enterprise
	certified.USCC = domaintest.FreshCode()
	_, err = w.service.CertifyAccount(w.t.Context(), w.by(domaintest.Stranger), opened.ID, certified, "operator")
	if err != nil {
		w.t.Fatal(err)
	}
	form := domaintest.Profile("海运")
	form.USCC = certified.USCC
	if _, err := w.service.ApplyAsProvider(w.t.Context(), w.by(opened.ID), form); err != nil {
		w.t.Fatal(err)
	}
	return opened.ID
}

// submits is a new product that the provider submits now.
func (w *world) submits() uuid.UUID {
	w.t.Helper()
	submitted, err := w.service.SubmitProduct(w.t.Context(), w.by(w.provider), domaintest.Content("三亚—新加坡"))
	if err != nil {
		w.t.Fatal(err)
	}
	return submitted.ID
}

func (w *world) approve(id uuid.UUID) {
	w.t.Helper()
	if _, err := w.service.ApproveProduct(w.t.Context(), w.by(domaintest.Reviewer), id, commands.Decision{Revision: 1}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) claims(id, reviewer uuid.UUID) uuid.UUID {
	w.t.Helper()
	claimed, err := w.service.ClaimCase(w.t.Context(), w.by(reviewer), product.Category, id, 1, uuid.Nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return claimed.State.Claim
}

// start sets a node to work.
func (w *world) start(name string) *runtime.Runtime {
	w.t.Helper()
	r, err := runtime.Start(w.t.Context(), runtime.Config{
		Pool: w.pool, Store: w.store, Models: models, Owner: name, Logger: runtimetest.Log(w.t),
		Jobs: clock.All(w.service, review.Queries{DB: w.pool}, noTokens, w.said.logger()), Now: w.clock, ClockLook: time.Millisecond,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.stop(r) })
	w.done(r)
	return r
}

func (w *world) stop(r *runtime.Runtime) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runtimetest.Patience)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		w.t.Error(err)
	}
}

// done waits until all that is due now is done.
func (w *world) done(r *runtime.Runtime) {
	w.t.Helper()
	now, _ := w.clock(w.t.Context())
	jobs := clock.All(w.service, review.Queries{}, noTokens, nil)
	runtimetest.Eventually(w.t, fmt.Sprintf("all done that is due at %s", now.In(domain.Beijing)), func() bool {
		var begun int
		if err := w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM projections.clock`).Scan(&begun); err != nil {
			w.t.Fatal(err)
		}
		all, err := r.Status(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		late := false
		for _, s := range all {
			late = late || s.Job && (s.Lag > 0 || s.Holder == "")
		}
		return begun == len(jobs) && !late
	})
}

// shown waits until the desk shows all that has happened.
func (w *world) shown(r *runtime.Runtime) {
	w.t.Helper()
	runtimetest.Eventually(w.t, "the desk shows the log", func() bool {
		return r.Positions().At(review.Model.Name) >= runtimetest.Head(w.t, w.store)
	})
}

// digestOf is the digest of a day as the log has it; nil without one. No day has two.
func (w *world) digestOf(day workdays.Day) *digest.Made {
	w.t.Helper()
	replayed, err := w.service.Replay(w.t.Context(), domain.Stream(digest.Category, digest.StreamID(day)), commands.Until{})
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if replayed.Revision != 0 {
		w.t.Errorf("%s has %d digests", day, replayed.Revision+1)
	}
	return replayed.State.(digest.State).Made
}

// summary is a digest in short: open/overdue/due today of applications, and of products.
func summary(made *digest.Made) string {
	if made == nil {
		return ""
	}
	var all []string
	for _, k := range made.Kinds {
		all = append(all, fmt.Sprintf("%s %d/%d/%d", k.Kind, k.Open, k.Overdue, k.DueToday))
	}
	return strings.Join(all, ", ")
}

func (w *world) claimOf(id uuid.UUID) claim.State {
	w.t.Helper()
	replayed, err := w.service.Replay(w.t.Context(), domain.Stream(claim.Category, id), commands.Until{})
	if err != nil {
		w.t.Fatal(err)
	}
	return replayed.State.(claim.State)
}

// size counts the events of a type.
func (w *world) size(of domain.Event) (n int) {
	w.t.Helper()
	for e, err := range w.store.ReadAll(w.t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Type == of.EventType() {
			n++
		}
	}
	return n
}

// later puts the time on and returns the node.
func (w *world) later(now time.Time, r *runtime.Runtime) *runtime.Runtime {
	w.at(now)
	return r
}

// noTokens are none to be forgotten.
var noTokens = clock.EndedTokens{Forget: func(context.Context, time.Time) (int, error) { return 0, nil }}
