package commands_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"waybill/domain/webhook"
)

// TestNoMoreWebhooksThanTheLimit: also of those that are registered at once. What was removed counts no more.
func TestNoMoreWebhooksThanTheLimit(t *testing.T) {
	w := newWorld(t)
	by := webhook.By{Provider: uuid.New()}
	var made, refused atomic.Int64
	var all sync.Map
	var registering sync.WaitGroup
	for range 2 * webhook.MaxHooks {
		registering.Go(func() {
			out, err := w.RegisterWebhook(t.Context(), as(by.Provider), by, hookTarget)
			switch {
			case err == nil:
				made.Add(1)
				all.Store(out.ID, true)
			case errors.Is(err, webhook.ErrLimit):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	registering.Wait()
	distinct := 0
	all.Range(func(any, any) bool { distinct++; return true })
	if made.Load() != webhook.MaxHooks || refused.Load() != webhook.MaxHooks || distinct != webhook.MaxHooks {
		t.Fatalf("%d registered, %d refused, %d different", made.Load(), refused.Load(), distinct)
	}
	all.Range(func(id, _ any) bool {
		must[webhook.State](t)(w.RemoveWebhook(t.Context(), as(by.Provider), id.(uuid.UUID), by, "下线"))
		return false
	})
	must[webhook.State](t)(w.RegisterWebhook(t.Context(), as(by.Provider), by, hookTarget))
	_, err := w.RegisterWebhook(t.Context(), as(by.Provider), by, hookTarget)
	wantRefusal(t, err, webhook.ErrLimit)
	other := webhook.By{Provider: uuid.New()}
	must[webhook.State](t)(w.RegisterWebhook(t.Context(), as(other.Provider), other, hookTarget))
}
