package projections

import (
	"context"
)

// Reaction is a side effect of events: something done once for each, at least, and downstream of the log.
type Reaction struct {
	// Name is the reaction's for people and for its checkpoint: "close_bookings".
	Name string
	// Types are the stored names of the events it wants.
	Types []string
	// Handle does it. It comes again after a crash or an error, so what it does must be harmless twice.
	Handle func(ctx context.Context, event Event) error
}
