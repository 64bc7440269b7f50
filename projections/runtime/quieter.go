package runtime

import (
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5/pgconn"

	"waybill/domain"
)

// quieter is the usual level of an error, or that of details when the event store refuses this node: the store says so itself,
// once a minute, and everybody who waits for it would say it again at every attempt.
func quieter(usual slog.Level, err error) slog.Level {
	if errors.Is(err, domain.ErrRefused) {
		return slog.LevelDebug
	}
	return usual
}

// isAway reports whether the event store or the database does not answer, which has nothing to do with who has asked.
func isAway(err error) bool {
	return errors.Is(err, domain.ErrUnavailable) || isA[*pgconn.ConnectError](err)
}
