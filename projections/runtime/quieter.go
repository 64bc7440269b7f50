package runtime

import (
	"errors"
	"log/slog"

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
