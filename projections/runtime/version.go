package runtime

import (
	"context"
	"fmt"

	"waybill/projections"
)

// Version is a text that is another one whenever a read model may show something else: another position or epoch, or a dead letter
// less, which changes tables where the position stands. What was read after it is at least as new.
func Version(ctx context.Context, db projections.Querier, m projections.ReadModel) (string, error) {
	var version string
	err := db.QueryRow(ctx, `SELECT concat_ws('.', c.epoch, c.position, (SELECT count(*) FROM projections.dead_letters d WHERE d.projection = c.projection))
		FROM projections.checkpoints c WHERE c.projection = $1`, m.Schema).Scan(&version)
	if err != nil {
		return "", fmt.Errorf("version of %s: %w", m.Name, err)
	}
	return version, nil
}
