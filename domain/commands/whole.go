package commands

import (
	"context"
	"fmt"
	"iter"

	"waybill/domain"
)

// wholeStream reads a stream upward from a revision, every event of it: one that the store does not give any more, since somebody
// truncated the stream there, ends it with domain.ErrStreamDeleted. Folded without, it would be another history.
func wholeStream(ctx context.Context, store domain.EventStore, stream domain.StreamName, from domain.Revision, limit int,
) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		next := from
		for recorded, err := range store.ReadStream(ctx, stream, from, domain.Forward, limit) {
			if err == nil && recorded.Revision != next {
				err = fmt.Errorf("%w: %s goes on with revision %d, not %d", domain.ErrStreamDeleted, stream, recorded.Revision, next)
			}
			if !yield(recorded, err) || err != nil {
				return
			}
			next++
		}
	}
}
