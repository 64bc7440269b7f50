package listing

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// setParked withholds products while their own stream or their provider's is parked: what is not known is not shown (R45).
// What the streams left behind in the tables stays, and is shown again as it is then when they go on.
func setParked(ctx context.Context, tx pgx.Tx, streams []domain.StreamName, parked bool) error {
	subjects := projections.KeysOf(streams, product.Category, provider.Category)
	if len(subjects) == 0 {
		return nil
	}
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	if parked {
		batch.Queue(`INSERT INTO withheld SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING`, subjects)
	} else {
		batch.Queue(`DELETE FROM withheld WHERE subject = ANY ($1)`, subjects)
	}
	const theirs = theirOrProducts
	batch.Queue(leaveTheirs, subjects)
	batch.Queue(leaveSample+theirs, subjects)
	batch.Queue(untagProducts+theirs+untagEnd, subjects)
	batch.Queue(publishProducts+theirs+publishEnd, subjects)
	batch.Queue(moveTerms+theirs, subjects)
	batch.Queue(tagProducts+theirs, subjects)
	batch.Queue(enterTheirs, subjects)
	batch.Queue(enterSample+theirs, subjects)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("withhold: %w", err)
	}
	return nil
}
