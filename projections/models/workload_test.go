package models_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/workdays"
	"waybill/projections/modeltest"
	"waybill/projections/workload"
)

// actorOf is who gives a command: reviewers decide, and operators stand for everybody else.
func actorOf(command any) domain.Actor {
	name := fmt.Sprintf("%T", command)
	for _, decision := range []string{"Approve", "Reject", "Revoke"} {
		if strings.Contains(name, "."+decision) {
			return domain.Actor{ID: domaintest.ID("reviewer"), Role: domain.RoleReviewer}
		}
	}
	return domain.Actor{ID: domaintest.ID("actor"), Role: domain.RoleOperator}
}

// checkWorkload holds the reviewer's work to the decisions of the log: what the system ended (decision 23) is nobody's.
func (w *world) checkWorkload(t *rapid.T, pool *pgxpool.Pool) {
	var want workload.Work
	approvals := map[string]int{} // of each revision, those that stand
	for _, e := range w.Log {
		if e.Meta.Actor.Role != domain.RoleReviewer {
			continue
		}
		var named struct {
			Revision int `json:"revision"`
		}
		if err := json.Unmarshal(e.Data, &named); err != nil {
			t.Fatalf("data: %v", err)
		}
		of := fmt.Sprint(e.Stream, named.Revision)
		switch what, _, _ := strings.Cut(strings.TrimPrefix(e.Type, e.Stream.Category()+"-"), "."); what {
		case "approved":
			want.Approved++
			approvals[of]++
		case "first-approved":
			want.FirstApproved++
			approvals[of]++
		case "rejected":
			want.Rejected++
		case "approval-revoked":
			want.Revoked++
			want.Overturned += approvals[of]
			approvals[of] = 0
		}
	}
	all := workload.Filter{From: workdays.DayOf(w.Log[0].Meta.At), To: workdays.DayOf(w.At)}
	got, err := workload.Queries{DB: pool}.Report(context.Background(), all, workdays.Standard())
	if err != nil {
		t.Fatalf("workload: %v", err)
	}
	if want.FromSubmission.N = want.Decided(); want.FromSubmission.N > 0 {
		want.FromSubmission.Median, want.FromSubmission.P90 = got.Everybody.FromSubmission.Median, got.Everybody.FromSubmission.P90
		want.FromSubmission.WorkingMedian = got.Everybody.FromSubmission.WorkingMedian
		want.FromSubmission.WorkingP90 = got.Everybody.FromSubmission.WorkingP90
	}
	want.FromClaim, want.Claimed, want.HandedBack = got.Everybody.FromClaim, got.Everybody.Claimed, got.Everybody.HandedBack
	want.Expired, want.TakenOver = got.Everybody.Expired, got.Everybody.TakenOver
	modeltest.Equal(t, "workload", got.Everybody, want)
}
