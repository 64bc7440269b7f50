package webhook

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Secret is what deliveries are signed with, as the Standard Webhooks scheme writes it: "whsec_" and 256 random bits in base64.
type Secret string

const (
	secretPrefix = "whsec_"
	secretBytes  = 32
)

// NewSecret draws a secret from random, which must be fit for keys.
func NewSecret(random io.Reader) (Secret, error) {
	var raw [secretBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("draw a secret: %w", err)
	}
	return Secret(secretPrefix + base64.StdEncoding.EncodeToString(raw[:])), nil
}

// LogValue keeps a secret out of the log.
func (s Secret) LogValue() slog.Value { return slog.StringValue(secretPrefix + "…") }

// String and GoString keep it out of what is formatted.
func (s Secret) String() string { return secretPrefix + "…" }

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Secrets keeps what the log has only the ids of.
type Secrets interface {
	// Make keeps a secret of a hook under an id, or gives the one that is kept there: the same id always has the same secret. The event
	// that names it comes first, so that whoever sees the secret finds its event in the log.
	Make(ctx context.Context, hook, id uuid.UUID) (Kept, error)
	// Of gives a hook's secrets by their ids.
	Of(ctx context.Context, hook uuid.UUID) (map[uuid.UUID]Secret, error)
	// Forget deletes secrets.
	Forget(ctx context.Context, ids ...uuid.UUID) error
}

// Kept is a secret and since when it is kept.
type Kept struct {
	Secret    Secret
	CreatedAt time.Time
}
