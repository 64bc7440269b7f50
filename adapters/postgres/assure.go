package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

// errNotConfirmed says that a commit is on this server, and that its wait for the standbys (synchronous_standby_names) was cut off.
var errNotConfirmed = errors.New("committed here, but no standby has confirmed it: somebody cancelled that wait")

// unconfirmedKey is what a connection keeps that it was told so. The server says it as a warning, and reports success.
const unconfirmedKey = "waybill.unconfirmed"

// noteUnconfirmed has the connections of a configuration remember that.
func noteUnconfirmed(config *pgconn.Config) {
	before := config.OnNotice
	config.OnNotice = func(conn *pgconn.PgConn, notice *pgconn.Notice) {
		if notice.Routine == "SyncRepWaitForLSN" {
			conn.CustomData()[unconfirmedKey] = true
		}
		if before != nil {
			before(conn, notice)
		}
	}
}

// confirmed is errNotConfirmed when a commit since the last question was not.
func confirmed(conn *pgconn.PgConn) error {
	if conn.CustomData()[unconfirmedKey] == nil {
		return nil
	}
	delete(conn.CustomData(), unconfirmedKey)
	return errNotConfirmed
}

// assureSQL writes into the server's log, without changing anything, so that its commit is confirmed after all before it. It does nothing
// where no standby is waited for.
const assureSQL = `
select 1 from eventstore.events
where position = $1 and pg_catalog.current_setting('synchronous_standby_names') <> '' for key share`

// Assure returns once the event at a position, and all before it, are as safe as what Append acknowledges. An event can be read that is
// not: it is on this server alone when its append was given up while it waited for the standbys. Whoever acknowledges what was found in
// the log, and not appended by itself, asks before. An error is domain.ErrOutcomeUnknown.
func (s *EventStore) Assure(ctx context.Context, at domain.Position) error {
	err := s.query(ctx, func(conn *pgxpool.Conn) error {
		if _, err := conn.Exec(ctx, assureSQL, clamp(at)); err != nil {
			return err
		}
		return confirmed(conn.Conn().PgConn())
	})
	if err != nil {
		return fmt.Errorf("%w: whether %d is as safe as it has to be: %w", domain.ErrOutcomeUnknown, at, err)
	}
	return nil
}
