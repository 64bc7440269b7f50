package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	// durable is said in a transaction whose commit is on the disk when it is acknowledged, whatever was said before; what promises more
	// stays.
	durable = `; select set_config('synchronous_commit', 'on', true)
		where current_setting('synchronous_commit') not in ('on', 'remote_apply')`
	// beginDurable begins one that sees what was committed before each of its statements.
	beginDurable = `begin isolation level read committed` + durable
	// beginHolding is beginDurable for who holds what others wait for: who freezes with it is cut off.
	beginHolding = beginDurable + `; set local idle_in_transaction_session_timeout = '60s'`
)

// beginner is a pool or a connection.
type beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// holding runs f in a transaction of beginHolding, afresh: f may run twice.
func holding(ctx context.Context, db beginner, f func(pgx.Tx) error) error {
	return afresh(func() error { return pgx.BeginTxFunc(ctx, db, pgx.TxOptions{BeginQuery: beginHolding}, f) })
}
