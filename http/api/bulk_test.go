package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/adapters/postgres"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/http"
	"waybill/http/api"
	"waybill/projections/runtimetest"
)

const decisions = "/api/v1/review/decisions"

// decide is one item of many decisions.
func decide(kind, id, outcome string, revision int, more ...any) m {
	item := m{"kind": kind, "id": id, "revision": revision, "outcome": outcome}
	for i := 0; i < len(more); i += 2 {
		item[fmt.Sprint(more[i])] = more[i+1]
	}
	return item
}

var incomplete = []m{{"code": "incomplete"}}

// beside is the same world behind another server, whose dependencies change makes others.
func (w *world) beside(t *testing.T, change func(*api.Deps)) *world {
	t.Helper()
	web, err := http.New(http.Deps{
		Tokens: w.tokens, Logger: slog.New(slog.NewTextHandler(w.log, nil)), Registry: prometheus.NewRegistry(), Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	deps := w.deps
	change(&deps)
	if err := api.Mount(web, deps); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(web)
	t.Cleanup(server.Close)
	other := &world{t: t, url: server.URL, web: web, pool: w.pool, tokens: w.tokens, log: w.log, client: newClient()}
	other.loadSpec()
	return other
}

// pendingProducts are products of a provider's that await a decision.
func (w *world) pendingProducts(owner as, n int) []string {
	w.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	}
	return ids
}

// TestManyDecisionsAreSingleOnes: each item is decided or refused as the operation for it alone does, whatever becomes of the others.
func TestManyDecisionsAreSingleOnes(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	applicant := w.enterprise()
	w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	twice := w.pendingProducts(owner, 4) // each pair is alike, and one of it is decided alone
	alone := w.pendingProducts(owner, 4)
	decided, _ := w.listed(owner, reviewer)
	missing := uuid.NewString()
	revised := twice[3]
	for _, id := range []string{revised, alone[3]} {
		w.do(owner, "PUT", "/api/v1/provider/products/"+id, content()).is(200)
	}

	type expected struct {
		item   m
		single string // the operation that decides the like of it, on its own
		body   m
	}
	product := func(id, what string) string { return "/api/v1/review/products/" + id + "/" + what }
	list := []expected{
		{decide("product", twice[0], "approve", 1), product(alone[0], "approve"), m{"revision": 1}},
		{decide("product", decided, "approve", 1), product(decided, "approve"), m{"revision": 1}},
		{decide("product", twice[1], "reject", 1, "reasons", incomplete), product(alone[1], "reject"), m{"revision": 1, "reasons": incomplete}},
		{decide("product", revised, "approve", 1), product(alone[3], "approve"), m{"revision": 1}},
		{decide("product", missing, "reject", 1, "reasons", incomplete), product(missing, "reject"), m{"revision": 1, "reasons": incomplete}},
		{decide("product", twice[2], "reject", 1), product(alone[2], "reject"), m{"revision": 1}},
		{decide("provider", applicant.id.String(), "approve", 1), "", nil},
		{decide("provider", owner.id.String(), "approve", 2), "/api/v1/review/providers/" + owner.id.String() + "/approve", m{"revision": 2}},
	}
	items := make([]m, len(list))
	for i, e := range list {
		items[i] = e.item
	}
	got := w.do(reviewer, "POST", decisions, m{"items": items}, "Accept-Language", "en").is(200)
	if got.number("decided") != 3 || got.number("refused") != 5 || got.number("not_attempted") != 0 || got.position() == "" {
		t.Errorf("counts: %s", got.body)
	}
	for i, e := range list {
		if got.text("items", i, "id") != e.item["id"] || got.text("items", i, "kind") != e.item["kind"] {
			t.Errorf("item %d is answered in another's place: %s", i, got.body)
		}
		if e.single == "" {
			if got.number("items", i, "status") != 200 || got.text("items", i, "application", "standing") != "active" {
				t.Errorf("application: %s", got.body)
			}
			continue
		}
		single := w.do(reviewer, "POST", e.single, e.body, "Accept-Language", "en")
		if single.status != got.number("items", i, "status") || single.text("code") != got.text("items", i, "code") {
			t.Errorf("item %d: %d %s alone, and among others\n%s", i, single.status, single.text("code"), got.body)
		}
		// The same answer but for whose it is.
		of, alike := "problem", func(a any) any {
			o, _ := a.(m)
			return with(with(o, "id", ""), "request_id", "")
		}
		if single.status == 200 {
			of = "product"
		}
		if a, b := alike(single.at()), alike(got.at("items", i, of)); fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("item %d:\n%v alone\n%v among others", i, a, b)
		}
	}
	if pointer := got.text("items", 5, "problem", "errors", 0, "pointer"); pointer != "/reasons" {
		t.Errorf("a mistake of an item is at %q", pointer)
	}
	// An approval with reasons is no slip that is passed over, and the applicant's own case is refused as ever.
	both := w.token(owner.id, time.Hour, domain.RoleReviewer, domain.RoleEnterprise)
	if _, err := w.commands.GrantRole(t.Context(), w.request(), owner.id, domain.RoleReviewer); err != nil {
		t.Fatal(err)
	}
	got = w.do(both, "POST", decisions, m{"items": []m{
		decide("product", twice[2], "approve", 1, "reasons", incomplete), decide("product", revised, "approve", 2),
	}}).is(200)
	if got.text("items", 0, "code") != "invalid_input" || got.text("items", 1, "code") != "own_case" || got.number("refused") != 2 {
		t.Errorf("refused: %s", got.body)
	}
}

// TestManyDecisionsAndClaims: a foreign claim refuses its case alone and says whose it is; one's own may be named, and ends with the decision.
func TestManyDecisionsAndClaims(t *testing.T) {
	w := start(t)
	reviewer, colleague := w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer)
	ids := w.pendingProducts(w.provider(reviewer), 4)
	claim := func(who as, id string) string {
		return w.do(who, "POST", "/api/v1/review/products/"+id+"/claim", m{"revision": 1}).is(200).text("claim")
	}
	own, lost := claim(reviewer, ids[0]), claim(reviewer, ids[1])
	claim(colleague, ids[2])
	w.do(reviewer, "POST", "/api/v1/review/products/"+ids[1]+"/hand-back", nil).is(200)
	list := []m{
		decide("product", ids[0], "approve", 1, "claim", own), decide("product", ids[1], "approve", 1, "claim", lost),
		decide("product", ids[2], "approve", 1), decide("product", ids[3], "approve", 1),
	}
	got := w.do(reviewer, "POST", decisions, m{"items": list}, "Idempotency-Key", "c").is(200)
	for i, want := range []string{"", "claim_lost", "case_claimed", ""} {
		if got.text("items", i, "code") != want {
			t.Errorf("item %d: %q, want %q\n%s", i, got.text("items", i, "code"), want, got.body)
		}
	}
	if got.text("items", 2, "problem", "claim", "reviewer") != colleague.id.String() || got.text("items", 2, "problem", "claim", "until") == "" {
		t.Errorf("whose claim: %s", got.body)
	}
	// Once it is handed back, the same request goes on.
	w.do(colleague, "POST", "/api/v1/review/products/"+ids[2]+"/hand-back", nil).is(200)
	again := w.do(reviewer, "POST", decisions, m{"items": list}, "Idempotency-Key", "c").is(200)
	if again.number("decided") != 3 || again.at("items", 2, "replayed") != nil || again.at("items", 3, "replayed") != true {
		t.Errorf("again: %s", again.body)
	}
}

// TestManyDecisionsOfTwoPersons: where two have to approve applications, each item is one of the two.
func TestManyDecisionsOfTwoPersons(t *testing.T) {
	w := start(t)
	sources := domaintest.Sources()
	sources.SecondApprover = true
	strict := w.beside(t, func(d *api.Deps) { d.Commands = commands.New(postgres.NewEventStore(w.pool), sources) })
	applicant := w.enterprise()
	w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	first, second := w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer)
	approve := m{"items": []m{decide("provider", applicant.id.String(), "approve", 1)}}
	for _, c := range []struct {
		who               as
		key, code, review string
	}{{first, "1", "", "pending"}, {first, "2", "second_approver", ""}, {second, "1", "", "approved"}, {first, "1", "", "pending"}} {
		got := strict.do(c.who, "POST", decisions, approve, "Idempotency-Key", c.key).is(200)
		if got.text("items", 0, "code") != c.code || got.text("items", 0, "application", "review") != c.review {
			t.Errorf("%+v: %s", c, got.body)
		}
	}
}

// TestManyDecisionsAreResumed: the same key again decides nothing twice, goes on with what was left, and refuses what was changed, alone.
func TestManyDecisionsAreResumed(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	ids := w.pendingProducts(owner, 4)
	key := []string{"Idempotency-Key", "tuesday"}
	item := func(i int) m { return decide("product", ids[i], "approve", 1, "note", "ok") }
	// Time runs out before the first.
	late := w.beside(t, func(d *api.Deps) { d.DecisionsTime = time.Nanosecond })
	none := late.do(reviewer, "POST", decisions, m{"items": []m{item(0), item(1)}}, key...).is(200)
	if none.number("not_attempted") != 2 || none.number("items", 1, "status") != 503 || none.text("items", 1, "code") != "not_attempted" ||
		none.text("items", 1, "problem", "type") != "/problems/not_attempted" || none.position() != "" {
		t.Fatalf("late: %s", none.body)
	}
	first := w.do(reviewer, "POST", decisions, m{"items": []m{item(0), item(1)}}, key...).is(200)
	if first.number("decided") != 2 || first.at("items", 0, "replayed") != nil {
		t.Fatalf("first: %s", first.body)
	}
	changed := decide("product", ids[1], "reject", 1, "reasons", incomplete)
	again := w.do(reviewer, "POST", decisions, m{"items": []m{item(3), changed, item(0), item(2)}}, key...).is(200)
	if again.number("decided") != 3 || again.text("items", 1, "code") != "idempotency_key_reused" || again.number("items", 1, "status") != 409 ||
		again.at("items", 2, "replayed") != true || again.at("items", 0, "replayed") != nil {
		t.Errorf("again: %s", again.body)
	}
	if a, b := fmt.Sprint(first.at("items", 0, "product")), fmt.Sprint(again.at("items", 2, "product")); a != b {
		t.Errorf("%s and again %s", a, b)
	}
	// Another key is another request, and so is another reviewer's.
	other := w.do(reviewer, "POST", decisions, m{"items": []m{item(0)}}, "Idempotency-Key", "wednesday").is(200)
	colleague := w.do(w.staff(domain.RoleReviewer), "POST", decisions, m{"items": []m{item(0)}}, key...).is(200)
	if other.text("items", 0, "code") != "already_decided" || colleague.text("items", 0, "code") != "already_decided" {
		t.Errorf("other: %s%s", other.body, colleague.body)
	}
	if n := w.countEvents("product-approved.v1"); n != 4 {
		t.Errorf("%d approvals of 4 products", n)
	}
}

func (w *world) countEvents(eventType string) int {
	w.t.Helper()
	n := 0
	for e, err := range postgres.NewEventStore(w.pool).ReadAll(context.Background(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Type == eventType {
			n++
		}
	}
	return n
}

// TestManyDecisionsAreRefusedAsAWhole: what cannot be told apart is not begun.
func TestManyDecisionsAreRefusedAsAWhole(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	id := w.pendingProducts(w.provider(reviewer), 1)[0]
	sound := decide("product", id, "approve", 1)
	many := make([]m, 201)
	for i := range many {
		many[i] = decide("product", uuid.NewString(), "approve", 1)
	}
	for name, c := range map[string]struct {
		items []m
		at    string
		code  string
	}{
		"none":       {[]m{}, "/items", "required"},
		"too many":   {many, "/items", "too_many"},
		"twice":      {[]m{sound, decide("product", id, "reject", 1, "reasons", incomplete)}, "/items/1/id", "repeated_case"},
		"no kind":    {[]m{sound, with(sound, "kind", "booking")}, "/items/1/kind", "unknown_value"},
		"no outcome": {[]m{sound, decide("product", uuid.NewString(), "maybe", 1)}, "/items/1/outcome", "unknown_value"},
		"misspelt":   {[]m{sound, decide("product", uuid.NewString(), "approve", 1, "reson", "x")}, "/items/1/reson", "unknown_field"},
	} {
		if got := w.do(reviewer, "POST", decisions, m{"items": c.items}).refuses(422, "invalid_input").mistakes(); got[c.at] != c.code {
			t.Errorf("%s: %v", name, got)
		}
	}
	w.do(w.staff(domain.RoleOperator), "POST", decisions, m{"items": []m{sound}}).refuses(403, "forbidden")
	if n := w.countEvents("product-approved.v1"); n != 0 {
		t.Errorf("%d were approved", n)
	}
}

// revoking takes something back after so many appends.
type revoking struct {
	domain.EventStore
	mu    sync.Mutex
	left  int
	after func()
}

func (s *revoking) Append(ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision,
	events []domain.NewEvent,
) (domain.AppendResult, error) {
	result, err := s.EventStore.Append(ctx, stream, expected, events)
	s.mu.Lock()
	defer s.mu.Unlock()
	if stream.Category() == "product" {
		if s.left--; s.left == 0 {
			s.after()
		}
	}
	return result, err
}

// TestARoleThatIsRevokedInTheMiddle: what was decided before stands, and the rest is refused with its own code.
func TestARoleThatIsRevokedInTheMiddle(t *testing.T) {
	w := start(t)
	admin, reviewer := w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer)
	ids := w.pendingProducts(w.provider(admin), 3)
	store := &revoking{EventStore: postgres.NewEventStore(w.pool), left: 1, after: func() {
		if _, err := w.commands.RevokeRole(context.Background(), w.request(), reviewer.id, domain.RoleReviewer, "调岗"); err != nil {
			t.Error(err)
		}
	}}
	other := w.beside(t, func(d *api.Deps) { d.Commands = commands.New(store, domaintest.Sources()) })
	got := other.do(reviewer, "POST", decisions, m{"items": []m{
		decide("product", ids[0], "approve", 1), decide("product", ids[1], "approve", 1), decide("product", ids[2], "approve", 1),
	}}).is(200)
	if got.number("decided") != 1 || got.number("refused") != 2 || got.text("items", 1, "code") != "role_not_held" {
		t.Errorf("got %s", got.body)
	}
}

// TestManyDecideTheSameCases: whoever sends the same two hundred cases at once, each is decided once, and each answer says so.
func TestManyDecideTheSameCases(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	const cases, callers = 200, 4
	items := make([]m, cases)
	for i := range items {
		// Submitted by the command: a hundred requests an hour are not what is tried here.
		req := w.request()
		req.Actor = domain.Actor{ID: owner.id, Role: domain.RoleProvider}
		out, err := w.commands.SubmitProduct(t.Context(), req, domaintest.Content(fmt.Sprint("专线", i)))
		if err != nil {
			t.Fatal(err)
		}
		items[i] = decide("product", out.ID.String(), "approve", 1)
	}
	tokens := make([]as, callers)
	for i := range tokens {
		tokens[i] = w.staff(domain.RoleReviewer)
	}
	answers := make([]answer, callers)
	var all sync.WaitGroup
	began := time.Now()
	for i := range tokens {
		all.Go(func() {
			turned := slices.Concat(items[i*cases/callers:], items[:i*cases/callers])
			answers[i] = w.do(tokens[i], "POST", decisions, m{"items": turned}, "Idempotency-Key", "all")
		})
	}
	all.Wait()
	t.Logf("%d cases, each decided by one of %d callers, in %s", cases, callers, time.Since(began).Round(time.Millisecond))
	decided := map[string]int{}
	for _, a := range answers {
		var said struct {
			Items []struct {
				ID, Code string
				Status   int
			}
		}
		if err := json.Unmarshal(a.is(200).body, &said); err != nil || len(said.Items) != cases {
			t.Fatal(err, len(said.Items))
		}
		for _, item := range said.Items {
			switch {
			case item.Status == 200:
				decided[item.ID]++
			case !strings.Contains(" already_decided contention not_attempted ", " "+item.Code+" "):
				t.Errorf("%s: %d %s", item.ID, item.Status, item.Code)
			}
		}
	}
	for id, n := range decided {
		if n != 1 {
			t.Errorf("%s was decided %d times", id, n)
		}
	}
	// Nothing is left: whoever sends them again, until there was time for each, finds all decided.
	runtimetest.Eventually(t, "time for each", func() bool {
		return w.do(tokens[0], "POST", decisions, m{"items": items}, "Idempotency-Key", "all").is(200).number("not_attempted") == 0
	})
	if approved := w.countEvents("product-approved.v1"); approved != cases {
		t.Errorf("%d of %d are approved", approved, cases)
	}
}
