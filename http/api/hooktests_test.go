package api_test

import (
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"waybill/domain"
)

// TestOneTestMessageAtATime: whoever has a webhook tested cannot have this server send as much as it likes to wherever it likes.
func TestOneTestMessageAtATime(t *testing.T) {
	w := startTelling(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner, other := w.provider(reviewer), w.provider(reviewer)
	arrived, goOn := make(chan struct{}, 8), make(chan struct{})
	var holds atomic.Bool
	holds.Store(true)
	receiver := httptest.NewServer(nethttp.HandlerFunc(func(_ nethttp.ResponseWriter, r *nethttp.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		if holds.Load() {
			<-goOn
		}
	}))
	t.Cleanup(receiver.Close)
	release := sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(release)
	register := func(who as, list string) string {
		return list + "/" + w.do(who, "POST", list, m{"url": receiver.URL}).is(201).text("id") + "/test"
	}
	first, second, others := register(owner, ownHooks), register(owner, ownHooks), register(other, ownHooks)
	staffs := register(operator, allHooks)

	done := make(chan answer, 1)
	go func() { done <- w.do(owner, "POST", first, nil) }()
	<-arrived
	holds.Store(false)
	for _, at := range []string{first, second} {
		refused := w.do(owner, "POST", at, nil).refuses(429, "test_under_way")
		if refused.header.Get("Retry-After") == "" {
			t.Error("nobody says when to come again")
		}
	}
	w.do(other, "POST", others, nil).is(200)
	w.do(operator, "POST", staffs, nil).is(200)
	release()
	if sent := <-done; sent.at("delivered") != true {
		t.Errorf("the first: %s", sent.body)
	}
	w.do(owner, "POST", second, nil).is(200)
}
