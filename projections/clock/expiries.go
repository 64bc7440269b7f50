package clock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain/commands"
	"waybill/projections/review"
	"waybill/projections/runtime"
)

const (
	// expiriesEvery is how late the end of a claim is recorded. It has ended by then: who asks compares its time himself.
	expiriesEvery = 5 * time.Second
	// expiriesAtOnce bounds a sweep; what is left is the next one's.
	expiriesAtOnce = 200
)

// expiries records that the time of claims is over, so that the queue shows their cases as free and the auditor sees how they ended.
// What the read model has not heard of yet is found again, and ended no second time.
func expiries(service *commands.Service, desk review.Queries) runtime.Job {
	return runtime.Job{
		Name: "claim_expiries", StoredName: "clock_claim_expiries", Every: expiriesEvery,
		Do: func(ctx context.Context, turn runtime.Turn) error {
			expired, err := desk.ExpiredClaims(ctx, turn.Now, expiriesAtOnce)
			if err != nil {
				return fmt.Errorf("claims whose time is over: %w", err)
			}
			var failed []error // one that cannot be ended does not keep the others
			for _, e := range expired {
				if _, err := service.ExpireClaim(ctx, expiry(e.Claim, turn), e.Case, e.Claim); err != nil {
					failed = append(failed, fmt.Errorf("end the claim on %s: %w", e.Case, err))
				}
			}
			return errors.Join(failed...)
		},
	}
}

// expiry is the request that ends a claim, of which there is one however often it is found.
func expiry(claim uuid.UUID, turn runtime.Turn) commands.Request {
	req := because(turn)
	req.ID = uuid.NewSHA1(claim, []byte("expire"))
	return req
}
