package runtime

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// ErrReadOnly says that the database takes no writes: it is a standby, or an administrator made it read-only.
var ErrReadOnly = errors.New("the database is read-only: it is a standby, or default_transaction_read_only is on there")

// Writable returns ErrReadOnly when no session of the database takes writes. A session that was made when none did is no proof: then
// a fresh one is asked, which may be with another server, and the pool begins anew when that one does.
func (r *Runtime) Writable(ctx context.Context) error {
	const ask = `SELECT current_setting('transaction_read_only')::bool`
	var readOnly bool
	if err := r.pool.QueryRow(ctx, ask).Scan(&readOnly); err != nil || !readOnly {
		return err
	}
	fresh, err := pgx.ConnectConfig(ctx, r.pool.Config().ConnConfig)
	if err != nil {
		return errors.Join(ErrReadOnly, err)
	}
	defer func() { _ = fresh.Close(context.WithoutCancel(ctx)) }()
	if err := fresh.QueryRow(ctx, ask).Scan(&readOnly); err != nil {
		return err
	}
	if readOnly {
		return ErrReadOnly
	}
	r.pool.Reset()
	return nil
}
