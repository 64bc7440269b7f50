package commands_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
)

func (w *world) limitPins(owner uuid.UUID, limit int) {
	w.t.Helper()
	must[provider.State](w.t)(w.SetPinLimit(w.t.Context(), staff(), owner, &limit, "首页位置有限"))
}

// TestNoMorePinsThanTheLimit: of requests for different products that come at once, only so many succeed as the limit allows.
func TestNoMorePinsThanTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.provider(w.codeA)
	w.limitPins(owner, 3)
	var all []uuid.UUID
	for range 8 {
		all = append(all, w.listed(owner))
	}
	var pinned, refused atomic.Int64
	var wg sync.WaitGroup
	for _, id := range append(all, all...) { // each is clicked twice
		wg.Go(func() {
			switch _, err := w.PinProduct(t.Context(), as(owner), id); {
			case err == nil:
				pinned.Add(1)
			case errors.Is(err, pins.ErrLimit):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := 0
	for _, id := range all {
		if s, err := w.Replay(t.Context(), domain.Stream(product.Category, id), commands.Until{}); err != nil {
			t.Fatal(err)
		} else if p, ok := s.State.(product.State); ok && p.Pinned {
			got++
		}
	}
	if got != 3 || pinned.Load() < 3 || pinned.Load()+refused.Load() != 16 {
		t.Errorf("%d products are pinned, want 3; %d requests succeeded, %d refused", got, pinned.Load(), refused.Load())
	}
}

func TestPinsUnderALimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.provider(w.codeA)
	a, b, c := w.listed(owner), w.listed(owner), w.listed(owner)
	pin := func(id uuid.UUID, at time.Time, known ...uuid.UUID) error {
		req := as(owner)
		req.At = at
		_, err := w.PinProduct(t.Context(), req, id, func(context.Context, uuid.UUID) ([]uuid.UUID, error) { return known, nil })
		return err
	}
	if err := pin(a, noon); err != nil { // before there is a limit
		t.Fatal(err)
	}
	w.limitPins(owner, 1)
	wantRefusal(t, pin(b, noon, a, c), pins.ErrLimit)
	if err := pin(a, noon, a); err != nil {
		t.Errorf("what is pinned already: %v", err)
	}
	// What is not pinned any more, whatever a read model says, leaves its place at once.
	must[product.State](t)(w.UnpinProduct(t.Context(), as(owner), a))
	if err := pin(b, noon, a); err != nil {
		t.Errorf("in the place of another: %v", err)
	}
	wantRefusal(t, pin(a, noon), pins.ErrLimit)
	must[product.State](t)(w.DeleteProduct(t.Context(), as(owner), b))
	if err := pin(a, noon); err != nil {
		t.Errorf("in the place of a deleted one: %v", err)
	}
	must[product.State](t)(w.UnpinProduct(t.Context(), as(owner), a))

	// A request that took a slot and got no further keeps it for a minute.
	down := errors.New("the node is gone")
	w.store.before = func(stream domain.StreamName) error {
		if stream.Category() == product.Category {
			return down
		}
		return nil
	}
	if err := pin(c, noon); !errors.Is(err, down) {
		t.Fatal(err)
	}
	w.store.before = nil
	wantRefusal(t, pin(a, noon.Add(time.Second)), pins.ErrLimit)
	if err := pin(a, noon.Add(61*time.Second)); err != nil {
		t.Errorf("after a minute: %v", err)
	}

	none := 0
	must[provider.State](t)(w.SetPinLimit(t.Context(), staff(), owner, &none, "暂停置顶"))
	wantRefusal(t, pin(c, noon.Add(time.Hour)), pins.ErrLimit)
	must[provider.State](t)(w.SetPinLimit(t.Context(), staff(), owner, nil, "不再限制"))
	if err := pin(c, noon.Add(time.Hour)); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}
