package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/product"
)

// inspect runs f on the database, beside the servers.
func (e environ) inspect(t testing.TB, f func(context.Context, *app) error) {
	t.Helper()
	cfg, err := config.Load(e.get)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	if err := withApp(ctx, cfg, func(a *app) error { return f(ctx, a) }); err != nil {
		t.Fatal(err)
	}
}

func head(ctx context.Context, a *app) (at domain.Position, err error) {
	for e, failure := range a.store.ReadAll(ctx, domain.LogEnd, domain.Backward, 1) {
		at, err = e.Position, failure
	}
	return at, err
}

// check holds the log and the read models against what was acknowledged. A server must be running.
func (h *hammer) check() {
	h.t.Helper()
	if h.t.Failed() {
		return
	}
	h.env.inspect(h.t, func(ctx context.Context, a *app) error {
		if err := a.closedOrphans(ctx); err != nil {
			return err
		}
		if err := a.caughtUp(ctx, patience); err != nil {
			return err
		}
		log, err := readLog(ctx, a, h.setup)
		if err != nil {
			return err
		}
		h.checkWrites(log)
		return checkHistory(ctx, a)
	})
	h.env.verified(h.t)
}

// cause is what one request or reaction left in the log.
type cause struct {
	stream          domain.StreamName
	events          int
	first, revision domain.Revision
	position        uint64
	actor           domain.Role
}

// readLog reads all of it, and fails where it is not whole: each revision of a stream and each id just once, positions that
// grow (in PostgreSQL by one). It returns who caused what after a position.
func readLog(ctx context.Context, a *app, after domain.Position) (map[uuid.UUID]*cause, error) {
	causes, revisions, ids := map[uuid.UUID]*cause{}, map[domain.StreamName]domain.Revision{}, map[uuid.UUID]bool{}
	last := domain.Position(0)
	for e, err := range a.store.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			return nil, err
		}
		meta, err := e.DecodeMetadata()
		if err != nil {
			return nil, err
		}
		gap := e.Position <= last || a.cfg.EventStore == "postgres" && e.Position != last+1
		if gap || e.Revision != revisions[e.Stream] || ids[e.ID] {
			return nil, fmt.Errorf("after position %d and revision %d of its stream, event %s is %s@%d at %d; there before: %v",
				last, revisions[e.Stream], e.ID, e.Stream, e.Revision, e.Position, ids[e.ID])
		}
		last, ids[e.ID] = e.Position, true
		revisions[e.Stream]++
		if e.Position <= after || e.Stream.Category() == claim.Category { // a decision begins on its case's claims
			continue
		}
		c := causes[meta.CausationID]
		if c == nil {
			c = &cause{stream: e.Stream, first: e.Revision, actor: meta.Actor.Role}
			causes[meta.CausationID] = c
		}
		if e.Stream != c.stream || e.Revision != c.first+domain.Revision(c.events) {
			return nil, fmt.Errorf("request %s is in the log twice: %s@%d and %s@%d", meta.CausationID, c.stream, c.revision, e.Stream, e.Revision)
		}
		c.events++
		c.revision, c.position = e.Revision, uint64(e.Position)
	}
	return causes, nil
}

// checkWrites: what was acknowledged is there once, as it was acknowledged; what was not is there whole or not at all;
// and there is nothing else, but for what the system did.
func (h *hammer) checkWrites(log map[uuid.UUID]*cause) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	acked, repeated, found := 0, 0, 0
	for _, w := range h.writes {
		c := log[w.request]
		delete(log, w.request)
		switch {
		case w.acked && c == nil:
			h.t.Errorf("%s (sent %d times) was acknowledged at position %d, but is not in the log", w.what, w.sent, w.position)
		case w.acked && (c.events != w.events || c.revision != w.revision || c.position != w.position):
			h.t.Errorf("%s was acknowledged as %+v with %d events, but the log has %+v", w.what, w.answer, w.events, *c)
		case c != nil && c.events != w.events:
			h.t.Errorf("%s is in the log by half: %d events, not %d", w.what, c.events, w.events)
		}
		if w.acked {
			acked++
		} else if c != nil {
			found++
		}
		if w.sent > 1 {
			repeated++
		}
	}
	system := 0
	exports := 0
	for id, c := range log {
		if c.actor == domain.RoleAuditor && c.events == 1 {
			exports++ // each records itself
			continue
		}
		if c.actor != domain.RoleSystem {
			h.t.Errorf("nobody sent %s: %+v", id, *c)
		}
		system++
	}
	if exports < h.exports {
		h.t.Errorf("%d exports came through, and %d are recorded", h.exports, exports)
	}
	h.t.Logf("%d writes: %d acknowledged, %d sent more than once, %d never acknowledged but in the log; %d by reactions",
		len(h.writes), acked, repeated, found, system)
	if acked == 0 || system == 0 {
		h.t.Error("nothing happened")
	}
}

// checkHistory: one row for each event, and no dead letter.
func checkHistory(ctx context.Context, a *app) error {
	var rows, events, letters int
	var at domain.Position
	err := a.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM history_v5.entries), (SELECT count(*) FROM projections.dead_letters), c.position
		FROM projections.checkpoints c WHERE c.projection = 'history_v5'`).Scan(&rows, &letters, &at)
	if err != nil {
		return err
	}
	for e, err := range a.store.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			return err
		}
		if e.Position > at {
			break
		}
		events++
	}
	if rows != events || letters != 0 {
		return fmt.Errorf("history has %d rows for %d events; %d dead letters", rows, events, letters)
	}
	return nil
}

// closedOrphans waits until every booking of a deleted product is closed.
func (a *app) closedOrphans(ctx context.Context) error {
	var deleted []uuid.UUID
	for e, err := range a.store.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			return err
		}
		if e.Type == (product.Deleted{}).EventType() {
			id, err := e.Stream.ID()
			if err != nil {
				return err
			}
			deleted = append(deleted, id)
		}
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var open int
		err := a.pool.QueryRow(ctx, `SELECT count(*) FROM bookings_v3.bookings WHERE state = 'awaiting_reply' AND product_id = ANY ($1)`, deleted).Scan(&open)
		if err != nil || open == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("%d bookings of deleted products are still open", open), ctx.Err())
		}
	}
}

// caughtUp waits until every projection has reached the end of the log.
func (a *app) caughtUp(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var behind int
		err := a.pool.QueryRow(ctx, `SELECT count(*) FROM projections.checkpoints
			WHERE position < (SELECT coalesce(max(position), 0) FROM eventstore.events)`).Scan(&behind)
		if err != nil {
			return err
		}
		if behind == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d projections have not caught up: %w", behind, context.Cause(ctx))
		}
	}
}
