package commands

import (
	"context"

	"github.com/google/uuid"

	"waybill/domain/audit"
)

// RecordExport records an export that left, under its id.
func (s *Service) RecordExport(ctx context.Context, req Request, id uuid.UUID, exported audit.Exported,
) (Outcome[audit.ExportState], error) {
	return execute(ctx, s.store, req, audit.ExportDecider, id, given[audit.ExportState, audit.ExportCommand](audit.RecordExport(exported)))
}
