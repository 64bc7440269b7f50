package directory_test

import (
	"context"
	"errors"
	"testing"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/domaintest"
	"waybill/projections/directory"
	"waybill/projections/modeltest"
)

// TestDirectory: whatever happened to an account, and however it was cut into batches, the directory says what its own fold says.
func TestDirectory(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	facts := []domain.Event{
		account.Opened{DisplayName: "海丰"},
		account.Certified{Enterprise: domaintest.Enterprise, Source: "operator"},
		account.RoleGranted{Role: domain.RoleReviewer},
		account.RoleGranted{Role: domain.RoleAuditor},
		account.RoleRevoked{Role: domain.RoleReviewer, Reason: "调岗"},
		account.Closed{Reason: "注销"},
	}
	var want account.State
	q := directory.Queries{DB: pool}
	for i, fact := range facts {
		h.Add(account.Category, domaintest.ID("a"), fact)
		modeltest.Project(t, pool, h.Log[i:])
		want = account.Evolve(want, fact)
		got, err := q.Account(context.Background(), domaintest.ID("a"))
		if err != nil {
			t.Fatal(err)
		}
		have := account.State{Exists: true, DisplayName: got.DisplayName, Enterprise: got.Enterprise, Roles: got.Roles, Closed: got.Closed}
		if len(have.Roles) == 0 && len(want.Roles) == 0 {
			have.Roles, want.Roles = nil, nil
		}
		modeltest.Equal(t, fact.EventType(), have, want)
		if uint64(got.Revision) != uint64(i) || (got.ClosedAt != nil) != want.Closed || (got.CloseReason != "") != want.Closed {
			t.Errorf("after %s: %+v", fact.EventType(), got)
		}
	}
	step := modeltest.Contents(t, pool)
	modeltest.Truncate(t, pool)
	modeltest.Project(t, pool, h.Log)
	modeltest.Equal(t, "in one batch", modeltest.Contents(t, pool), step)
	if _, err := q.Account(context.Background(), domaintest.ID("b")); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("an account that is not there: %v", err)
	}
}
