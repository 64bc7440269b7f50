package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	nethttp "net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/claim"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

const (
	queueConnections = 16
	queueTarget      = 30.0 // ms, p99
	queueDays        = 60   // over which the cases were submitted
)

// queueWorld is a log of open cases of every sort, with one reviewer.
type queueWorld struct {
	imported
	server    *child
	client    *nethttp.Client
	by        uuid.UUID // the reviewer
	token     access.Secret
	providers []uuid.UUID
	subjects  []uuid.UUID
	cursors   []string
	rng       *rand.Rand
}

// queueKinds are kinds of pages of the queue: each filter alone, and some together.
var queueKinds = []struct {
	name string
	ask  func(w *queueWorld) url.Values
}{
	{"first page", func(*queueWorld) url.Values { return url.Values{} }},
	{"deep page", func(w *queueWorld) url.Values { return url.Values{"cursor": {w.cursors[w.rng.IntN(len(w.cursors))]}} }},
	{"products", queueValue("kind", "product")},
	{"applications", queueValue("kind", "provider")},
	{"older than", func(w *queueWorld) url.Values { return url.Values{"older_than": {w.moment(0)}} }},
	{"younger than", func(w *queueWorld) url.Values { return url.Values{"younger_than": {w.moment(0)}} }},
	{"due before", func(w *queueWorld) url.Values { return url.Values{"due_before": {w.moment(0)}} }},
	{"due after", func(w *queueWorld) url.Values { return url.Values{"due_after": {w.moment(0)}} }},
	{"overdue", queueValue("overdue", "true")},
	{"not overdue", queueValue("overdue", "false")},
	{"submitter", func(w *queueWorld) url.Values { return url.Values{"submitter": {oneID(w.rng, w.providers)}} }},
	{"provider", func(w *queueWorld) url.Values { return url.Values{"provider": {oneID(w.rng, w.providers)}} }},
	{"subject", func(w *queueWorld) url.Values { return url.Values{"subject": {oneID(w.rng, w.subjects)}} }},
	{"provider type", queueValue("provider_type", provider.Logistics)},
	{"provider type, no match", queueValue("provider_type", "none")},
	{"mismatch", queueValue("flag", "mismatch")},
	{"finding", queueValue("flag", "finding")},
	{"resubmitted", queueValue("flag", "resubmitted")},
	{"first approved", queueValue("flag", "first_approved")},
	{"revoked", queueValue("flag", "revoked")},
	{"taken down", queueValue("flag", "taken_down")},
	{"claimed", queueValue("flag", "claimed")},
	{"unclaimed", queueValue("flag", "unclaimed")},
	{"mine", queueValue("flag", "mine")},
	{"product, overdue, finding", func(*queueWorld) url.Values {
		return url.Values{"kind": {"product"}, "overdue": {"true"}, "flag": {"finding"}}
	}},
	{"mismatch and resubmitted", func(*queueWorld) url.Values { return url.Values{"flag": {"mismatch", "resubmitted"}} }},
	{"decided", queueValue("state", "decided")},
	{"decided late", func(*queueWorld) url.Values { return url.Values{"state": {"decided"}, "overdue": {"true"}} }},
	{"decided, of a provider", func(w *queueWorld) url.Values {
		return url.Values{"state": {"decided"}, "provider": {oneID(w.rng, w.providers)}}
	}},
}

func queueValue(name, value string) func(*queueWorld) url.Values {
	return func(*queueWorld) url.Values { return url.Values{name: {value}} }
}

func oneID(rng *rand.Rand, ids []uuid.UUID) string { return ids[rng.IntN(len(ids))].String() }

// moment is one of the time over which the cases were submitted.
func (w *queueWorld) moment(least int) string {
	ago := time.Duration(least*24+w.rng.IntN((queueDays-least)*24)) * time.Hour
	return time.Now().Add(-ago).UTC().Truncate(time.Second).Format(time.RFC3339)
}

// queue measures the reviewers' queue through HTTP: every filter, and the counts.
func (b *bench) queue(ctx context.Context) error {
	d, err := b.database(ctx, "bench_queue")
	if err != nil {
		return err
	}
	w := &queueWorld{
		imported: imported{database: d}, client: newClient(queueConnections), by: uuid.New(),
		rng: rand.New(rand.NewPCG(3, 4)), //nolint:gosec // the same cases every time
	}
	if err := w.populate(ctx, b.size.cases); err != nil {
		return err
	}
	if err := b.readyQueue(ctx, w); err != nil {
		return err
	}
	rows := [][]string{{"page", "bytes", "rate", "p50", "p99"}}
	measure := func(name string, pages []string) error {
		size := 0
		for _, page := range pages[:min(len(pages), 20)] {
			raw, err := w.get(ctx, page)
			if err != nil {
				return fmt.Errorf("queue, %s: %w", name, err)
			}
			size += len(raw)
		}
		ask := func(ctx context.Context, _ int) error {
			_, err := w.get(ctx, pages[rand.IntN(len(pages))]) //nolint:gosec // a load, no secret
			return err
		}
		drive(ctx, queueConnections, b.size.pageRun/3, ask)
		s := drive(ctx, queueConnections, 2*b.size.pageRun, ask)
		b.report.works("queue, "+name, s)
		rows = append(rows, []string{
			name, grouped(float64(size) / float64(min(len(pages), 20))), grouped(s.perSecond()) + "/s", millis(s.percentile(50)),
			b.report.most("queue, "+name+", p99", inMillis(s.percentile(99)), queueTarget, "%.1f ms"),
		})
		return ctx.Err()
	}
	for _, k := range queueKinds {
		b.progress("queue: %s", k.name)
		var pages []string
		for range b.size.pages {
			pages = append(pages, "/api/v1/review/queue?"+k.ask(w).Encode())
		}
		if err := measure(k.name, pages); err != nil {
			return err
		}
	}
	if err := measure("counts", []string{"/api/v1/review/counts"}); err != nil {
		return err
	}
	b.report.table(fmt.Sprintf("Review queue: 20 to a page, %s open cases, %d connections",
		grouped(float64(b.size.cases)), queueConnections), rows)
	b.resident("the review queue", w.server)
	return w.server.stop()
}

// readyQueue fills the queue's tables from the log, and serves it.
func (b *bench) readyQueue(ctx context.Context, w *queueWorld) error {
	rebuild, err := b.once(ctx, w.url, "rebuild", "review")
	if err != nil {
		return err
	}
	head, err := w.head(ctx)
	if err != nil {
		return err
	}
	b.report.line("Review queue rebuilt from %s events in %.1f s.", grouped(float64(head)), rebuild.took.Seconds())
	// The other read models are not asked, and nothing waits for them.
	for _, sql := range []string{
		`UPDATE projections.checkpoints SET position = (SELECT max(position) FROM eventstore.events)`, `VACUUM (ANALYZE)`,
	} {
		if _, err := w.pool.Exec(ctx, sql); err != nil {
			return err
		}
	}
	if w.server, err = b.spawn(ctx, w.url, waybillProgram, "serve"); err != nil {
		return err
	}
	for page := "/api/v1/review/queue?limit=100"; len(w.cursors) < 10*b.size.pages; {
		raw, err := w.get(ctx, page)
		if err != nil {
			return err
		}
		var got struct {
			Next string `json:"next_cursor"`
		}
		if err := json.Unmarshal(raw, &got); err != nil {
			return err
		}
		if got.Next == "" {
			break
		}
		w.cursors = append(w.cursors, got.Next)
		page = "/api/v1/review/queue?limit=100&cursor=" + got.Next
	}
	return nil
}

func (w *queueWorld) get(ctx context.Context, page string) ([]byte, error) {
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, w.server.base+page, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(w.token))
	var answer bytes.Buffer
	_, err = fetch(w.client, request, nethttp.StatusOK, &answer)
	return answer.Bytes(), err
}

// populate writes one application for nine products, all of them open, and as many products that are decided.
func (w *queueWorld) populate(ctx context.Context, cases int) error {
	start := time.Now().UTC().Add(-queueDays * 24 * time.Hour)
	var err error
	if w.token, err = w.reviewer(ctx, w.by, start); err != nil {
		return err
	}
	for i := range max(10, cases/100) {
		id := uuid.New()
		w.providers = append(w.providers, id)
		if err := w.provider(ctx, id, start, i); err != nil {
			return err
		}
	}
	step := queueDays * 24 * time.Hour / time.Duration(cases)
	for i := range cases {
		at := start.Add(time.Duration(i) * step)
		id := uuid.New()
		w.subjects = append(w.subjects, id)
		category := product.Category
		if i%10 == 0 {
			category = provider.Category
			err = w.write(ctx, category, id, at, domain.Actor{ID: id, Role: domain.RoleEnterprise}, application(i, at)...)
		} else {
			owner := w.providers[w.rng.IntN(len(w.providers))]
			by := domain.Actor{ID: owner, Role: domain.RoleProvider}
			if err = w.write(ctx, category, id, at, by, offer(i, owner, at)...); err == nil {
				decided := append(offer(5, owner, at), product.Approved{Revision: 1}, product.Listed{})
				err = w.write(ctx, category, uuid.New(), at, by, decided...)
			}
		}
		if err == nil && i%500 == 0 {
			holder := w.by
			if i%5000 != 0 {
				holder = uuid.New()
			}
			err = w.write(ctx, claim.Category, id, at, domain.Actor{ID: holder, Role: domain.RoleReviewer}, claim.Claimed{
				Claim: uuid.New(), Kind: category, Revision: 1, Reviewer: holder, Until: time.Now().Add(time.Hour),
			})
		}
		if err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// application is an open one: one in four differs from the certificate, and one in ten has a first approval.
func application(i int, at time.Time) []domain.Event {
	applied := provider.Applied{
		Revision: 1, Profile: provider.Profile{Type: provider.Logistics, Name: "海南申请物流" + strconv.Itoa(i) + "号"},
		Due: workdays.Standard().Due(at, workdays.ForApplication),
	}
	if i%40 == 0 {
		applied.Mismatches = []string{"/name"}
	}
	facts := []domain.Event{applied}
	if i%100 == 0 {
		facts = append(facts, provider.FirstApproved{Revision: 1, Reviewer: uuid.New()})
	}
	return facts
}

// offer is an open product: some have findings, some were rejected, revoked or taken down before.
func offer(i int, owner uuid.UUID, at time.Time) []domain.Event {
	content := typicalContent()
	submitted := product.Submitted{
		ProviderID: owner, Revision: 1, Content: content, Point: content.Destination.Point(),
		Due: workdays.Standard().Due(at, workdays.ForProduct),
	}
	if i%7 == 0 {
		submitted.Verdict = rules.Verdict{Rules: 1, Findings: []rules.Finding{{Code: "place_unknown", Field: "/destination"}}}
	}
	revised := product.Revised{Revision: 2, Content: content, Point: submitted.Point, Due: submitted.Due}
	reasons := []domain.Reason{{Code: "other", Note: "请补充"}}
	switch {
	case i%50 == 1:
		return []domain.Event{submitted, product.Rejected{Revision: 1, Reasons: reasons}, revised}
	case i%200 == 2:
		return []domain.Event{
			submitted, product.Approved{Revision: 1}, product.Listed{}, product.ApprovalRevoked{Revision: 1, Reasons: reasons},
		}
	case i%200 == 3:
		return []domain.Event{submitted, product.Approved{Revision: 1}, product.TakenDown{Revision: 1, Reason: "投诉"}, revised}
	}
	return []domain.Event{submitted}
}
