package runtime

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// passing reports whether err, of a command that somebody waits for, may pass within moments. Unlike a projector, which must go on as
// soon as somebody has mended it, a command says what is wrong and ends: a right that is missing does not come by itself, nor does room
// on the disk, nor does a limit of the server go away.
func passing(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.Is(err, errConnectionLost) && errors.As(err, &pgErr) {
		switch pgErr.Code[:2] {
		case "08", "40", "55":
			return true
		case "57":
			return pgErr.Code != pgerrQueryCanceled && pgErr.Code != pgerrDatabaseDropped
		}
		return pgErr.Code == pgerrTooManyConnections || pgErr.Code == pgerrFroze
	}
	return transient(err)
}

// Codes of errors that are judged otherwise than their classes.
const (
	pgerrQueryCanceled      = "57014" // by statement_timeout, or by an administrator
	pgerrDatabaseDropped    = "57P04"
	pgerrTooManyConnections = "53300"
	pgerrFroze              = "25P03" // we stood still in a transaction, and were cut off
)
