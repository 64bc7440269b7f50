package clock

import (
	"context"
	"fmt"
	"time"

	"waybill/projections/runtime"
)

// forgetEvery is how often tokens are removed that ended long ago.
const forgetEvery = time.Hour

// EndedTokens are the tokens that expired or were revoked, of which the table keeps the rows for a while. The history has all of them.
type EndedTokens struct {
	// Forget removes those that ended before a time, and returns how many.
	Forget func(ctx context.Context, before time.Time) (int, error)
	// Keep is for how long their rows are kept.
	Keep time.Duration
}

// forgottenTokens removes the rows of tokens that ended long ago.
func forgottenTokens(ended EndedTokens) runtime.Job {
	return runtime.Job{
		Name: "forgotten_tokens", StoredName: "clock_forgotten_tokens", Every: forgetEvery,
		Do: func(ctx context.Context, turn runtime.Turn) error {
			if _, err := ended.Forget(ctx, turn.Now.Add(-ended.Keep)); err != nil {
				return fmt.Errorf("tokens that ended long ago: %w", err)
			}
			return nil
		},
	}
}
