package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"waybill/domain"
)

// classify tells a store that cannot be reached (domain.ErrUnavailable) from the caller's ended context and from our own
// mistakes. A time-out that is not the caller's, such as that of a dial, is the store's.
func classify(ctx context.Context, err error) error {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return err
	case errors.As(err, &refused) && !away(refused):
		return err
	}
	return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
}

// away reports whether the server refused for want of itself, not for what was asked of it.
func away(err *pgconn.PgError) bool {
	switch err.Code {
	case "25006", "55P03", "57014": // a standby after a switch-over; lock or statement time-out
		return true
	}
	switch err.Code[:2] {
	case "08", "40", "53", "57", "58", "XX": // connection, rollback, resources, operator, system, internal
		return true
	}
	return false
}

// mayHaveCommitted reports whether a failed batch may have been committed all the same. An error that the server sent for a
// statement rolled the transaction back; one that ended the session, or the loss of the connection, tells nothing.
func mayHaveCommitted(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return endsTheSession(refused)
	}
	return !pgconn.SafeToRetry(err)
}
