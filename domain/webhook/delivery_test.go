package webhook_test

import (
	"testing"

	"waybill/domain/webhook"
)

func TestWhatIsShownOfAFailure(t *testing.T) {
	t.Parallel()
	for failure, want := range map[string]string{
		"": "", webhook.WordTimedOut: webhook.WordTimedOut, webhook.WordNoSecret: webhook.WordNoSecret, webhook.WordRemoved: webhook.WordRemoved, "status 503": "status 503",
		"status 503 of 10.0.0.7": webhook.WordInternal,
		"secrets of a webhook: failed to connect to `user=waybill_app database=waybill`: 10.0.0.7:5432": webhook.WordInternal,
		"panic: index out of range": webhook.WordInternal,
	} {
		if got := webhook.Shown(failure); got != want {
			t.Errorf("of %q: %q, want %q", failure, got, want)
		}
	}
}
