package postgres_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain/webhook"
)

// TestWebhookSecrets: the same id has the same secret, whoever asks first, and no other hook gets it.
func TestWebhookSecrets(t *testing.T) {
	ctx := t.Context()
	secrets := postgres.NewWebhookSecrets(pgtest.Database(t, "eventstore", postgres.Migrate))
	hook, first, second := uuid.New(), uuid.New(), uuid.New()
	made := make([]webhook.Kept, 8)
	var making sync.WaitGroup
	for i := range made {
		making.Go(func() {
			var err error
			if made[i], err = secrets.Make(ctx, hook, first); err != nil {
				t.Error(err)
			}
		})
	}
	making.Wait()
	for _, kept := range made {
		if kept != made[0] || !strings.HasPrefix(string(kept.Secret), "whsec_") || time.Since(kept.CreatedAt) > time.Minute {
			t.Fatal("not the same secret for all")
		}
	}
	if text := fmt.Sprintf("%s %v %+v %#v", made[0].Secret, made[0], made[0], made[0].Secret); strings.Contains(text, string(made[0].Secret)) {
		t.Error("the secret shows when it is formatted")
	}
	if _, err := secrets.Make(ctx, uuid.New(), first); err == nil {
		t.Error("another hook's secret was given away")
	}
	other, err := secrets.Make(ctx, hook, second)
	if err != nil || other.Secret == made[0].Secret {
		t.Fatal(err)
	}
	all, err := secrets.Of(ctx, hook)
	if err != nil || len(all) != 2 || all[first] != made[0].Secret || all[second] != other.Secret {
		t.Errorf("%d secrets (%v)", len(all), err)
	}
	if err := secrets.Forget(ctx, first); err != nil {
		t.Fatal(err)
	}
	if all, err = secrets.Of(ctx, hook); err != nil || len(all) != 1 || all[second] != other.Secret {
		t.Errorf("%d secrets are left (%v)", len(all), err)
	}
}
