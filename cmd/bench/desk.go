package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	nethttp "net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/product"
	"waybill/domain/workdays"
)

const (
	// deskReviewers ask for the next case at once.
	deskReviewers = 50
	// nextTarget is in answers per second.
	nextTarget = 500
)

// desk measures "next for me" through HTTP: many reviewers at once, each of whom must get cases that nobody else gets.
func (b *bench) desk(ctx context.Context) error {
	d, err := b.database(ctx, "bench_desk")
	if err != nil {
		return err
	}
	w := &deskWorld{imported: imported{database: d}, given: map[uuid.UUID]bool{}, client: newClient(2 * deskReviewers)}
	if err := w.populate(ctx, b.size.cases); err != nil {
		return err
	}
	if w.server, err = b.spawn(ctx, d.url, waybillProgram, "serve"); err != nil {
		return err
	}
	if err := d.caughtUp(ctx, 5*time.Minute); err != nil {
		return err
	}
	rows := [][]string{{"what", "answers/s", "p50", "p99"}}
	measure := func(what, rate string, f func(ctx context.Context, reviewer int) error) {
		var taken runs
		for range b.size.rounds {
			taken = append(taken, drive(ctx, deskReviewers, b.size.run, f))
		}
		all := taken.together()
		b.report.works(what, all)
		rows = append(rows, []string{what, rate, millis(all.percentile(50)), millis(all.percentile(99))})
		if rate == "" {
			rows[len(rows)-1][1] = grouped(taken.perSecond())
			return
		}
		rows[len(rows)-1][1] = b.report.least(rate, taken.perSecond(), nextTarget, "%.0f")
	}
	measure("next for me, and nothing else", "next for me, answers/s", func(ctx context.Context, reviewer int) error {
		_, err := w.next(ctx, reviewer)
		return err
	})
	measure("next for me, then approve it under the claim", "", func(ctx context.Context, reviewer int) error {
		claimed, err := w.next(ctx, reviewer)
		if err != nil {
			return err
		}
		return w.approve(ctx, reviewer, claimed)
	})
	b.report.table(fmt.Sprintf("Review desk: %d reviewers on %s open cases through HTTP; %s cases were given out, none twice",
		deskReviewers, grouped(float64(b.size.cases)), grouped(float64(len(w.given)))), rows)
	return nil
}

// deskWorld is a log of open cases, with reviewers.
type deskWorld struct {
	imported
	server    *child
	client    *nethttp.Client
	reviewers []access.Secret

	mu    sync.Mutex
	given map[uuid.UUID]bool
}

// populate writes reviewers, providers and their products as submitted.
func (w *deskWorld) populate(ctx context.Context, cases int) error {
	at := time.Now().UTC().Add(-24 * time.Hour)
	for range deskReviewers {
		token, err := w.reviewer(ctx, uuid.New(), at)
		if err != nil {
			return err
		}
		w.reviewers = append(w.reviewers, token)
	}
	content := typicalContent()
	var owner domain.Actor
	for i := range cases {
		at = at.Add(time.Millisecond)
		if i%1000 == 0 {
			owner = domain.Actor{ID: uuid.New(), Role: domain.RoleProvider}
			if err := w.provider(ctx, owner.ID, at, i); err != nil {
				return err
			}
		}
		submitted := product.Submitted{
			ProviderID: owner.ID, Revision: 1, Content: content, Point: content.Destination.Point(),
			Due: workdays.Standard().Due(at, workdays.ForProduct),
		}
		if err := w.write(ctx, product.Category, uuid.New(), at, owner, submitted); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// deskClaim is what a reviewer was given.
type deskClaim struct {
	ID, Claim uuid.UUID
	Revision  int
}

// next asks for the next case; one that somebody got before is a failure.
func (w *deskWorld) next(ctx context.Context, reviewer int) (deskClaim, error) {
	var got deskClaim
	answer, err := w.post(ctx, reviewer, "/api/v1/review/next", map[string]any{"kind": product.Category})
	if err != nil {
		return got, err
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return got, fmt.Errorf("%w: %q", err, answer)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.given[got.ID] {
		return got, fmt.Errorf("case %s was given out twice", got.ID)
	}
	w.given[got.ID] = true
	return got, nil
}

func (w *deskWorld) approve(ctx context.Context, reviewer int, c deskClaim) error {
	path := "/api/v1/review/products/" + c.ID.String() + "/approve"
	_, err := w.post(ctx, reviewer, path, map[string]any{"revision": c.Revision, "claim": c.Claim})
	return err
}

func (w *deskWorld) post(ctx context.Context, reviewer int, path string, body map[string]any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, w.server.base+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(w.reviewers[reviewer]))
	request.Header.Set("Idempotency-Key", uuid.NewString())
	request.Header.Set("Content-Type", "application/json")
	var answer bytes.Buffer
	_, err = fetch(w.client, request, nethttp.StatusOK, &answer)
	return answer.Bytes(), err
}
