package feed_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/projections/feed"
	"waybill/projections/runtimetest"
)

// TestHubOfAnotherLog: once the feed was found to be of another log, all who follow it are told so, also when that log is as long.
func TestHubOfAnotherLog(t *testing.T) {
	t.Parallel()
	pool := database(t)
	n := startNode(t, pool, runtimetest.Store(t, pool), "one")
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	defer cancel()
	at := runtimetest.Append(t, n.store, domain.Stream(account.Category, uuid.New()), account.Opened{DisplayName: "海丰"}).Position
	if err := n.positions.Wait(ctx, "feed", at); err != nil {
		t.Fatal(err)
	}
	var exchanged atomic.Int64
	hub := feed.NewHub(feed.HubConfig{
		Queries: feed.Queries{DB: pool}, Moves: n.positions, Encode: encoded, Exchanged: func() int { return int(exchanged.Load()) },
	})
	s, err := hub.Subscribe(ctx, feed.All(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if b, err := s.Next(ctx); err != nil || b.Items != 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	exchanged.Add(1)
	for {
		_, err := s.Next(ctx)
		if errors.Is(err, feed.ErrWentBack) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.Wake():
		case <-ctx.Done():
			t.Fatal("nobody says so")
		}
	}
}
