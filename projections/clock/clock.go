// Package clock is what Waybill does by itself at certain times, one file a job. docs/new-job.md says how to add one.
package clock

import (
	"log/slog"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/digest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/review"
	"waybill/projections/runtime"
)

// All are the jobs of a server.
func All(service *commands.Service, desk review.Queries, tokens EndedTokens, log *slog.Logger) []runtime.Job {
	return []runtime.Job{digests(service, desk), expiries(service, desk), overdue(desk, log), forgottenTokens(tokens)}
}

// because is the request by which a turn changes something: that of the system, and the same one however often the turn is taken.
func because(turn runtime.Turn) commands.Request {
	return commands.Request{ID: turn.ID, Actor: domain.System, CorrelationID: turn.ID, At: turn.Now}
}

// kinds are those of the cases at the desk, in the order in which they are shown.
var kinds = []string{provider.Category, product.Category}

// counted are the open cases of each kind, in the order of kinds.
func counted(found []review.KindCount) []digest.Kind {
	all := make([]digest.Kind, len(kinds))
	for i, kind := range kinds {
		all[i].Kind = kind
		for _, f := range found {
			if f.Kind == kind {
				all[i] = digest.Kind(f)
			}
		}
	}
	return all
}
