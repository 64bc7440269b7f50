package runtime

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
)

// UpToDate calls read with the tables of a read model as of one moment in which they show every event that was in the log when it was
// called, and no stream of it is parked; otherwise it returns false. It is for what must not act on anything less than the whole log.
func UpToDate(
	ctx context.Context, pool *pgxpool.Pool, store domain.EventStore, m projections.ReadModel, read func(projections.Querier) error,
) (bool, error) {
	log, err := ownLogOf(ctx, pool, store)
	if err != nil {
		return false, err
	}
	head, err := log.head(ctx)
	if err != nil {
		return false, err
	}
	shows := false
	// The lock on the checkpoint keeps a rebuild from switching the tables under the read, and the projector from moving on.
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{BeginQuery: beginBriefly}, func(tx pgx.Tx) error {
		var at domain.Position
		err := tx.QueryRow(ctx, `SELECT position FROM projections.checkpoints WHERE projection = $1 FOR SHARE`, m.Schema).Scan(&at)
		if errors.Is(err, pgx.ErrNoRows) || (err == nil && at < head) {
			return nil
		}
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM projections.dead_letters WHERE projection = $1)`, m.Schema).Scan(&shows)
		if err != nil || !shows {
			return err
		}
		return read(tx)
	})
	if err != nil {
		return false, fmt.Errorf("read %s: %w", m.Name, err)
	}
	return shows, nil
}
