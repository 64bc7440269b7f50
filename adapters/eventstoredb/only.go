package eventstoredb

import (
	"context"
	"iter"
	"slices"

	"waybill/domain"
)

// own is a Store without the events of others' streams: those of our prefix, or of none, whose categories are not ours.
type own struct {
	*Store
	categories []string
}

// Only returns the store as the log of streams whose category (all before the first dash, behind the prefix) is exactly one
// of those. The server leaves the others out where it can, which is in subscriptions; PassedOver counts those it cannot.
func (s *Store) Only(categories []string) domain.EventStore {
	return &own{s, slices.Clone(categories)}
}

// PassedOver counts the events of others that were read and left out since the store was opened.
func (s *Store) PassedOver() uint64 { return s.passedOver.Load() }

// ReadAll implements domain.EventStore.
func (o *own) ReadAll(ctx context.Context, at domain.Position, dir domain.Direction, limit int) iter.Seq2[domain.RecordedEvent, error] {
	return o.readAll(ctx, at, dir, limit, o.categories)
}

// Subscribe implements domain.EventStore.
func (o *own) Subscribe(ctx context.Context, after domain.Position) iter.Seq2[domain.RecordedEvent, error] {
	return o.subscribeAll(ctx, after, o.categories)
}

// CountAfter is Store.CountAfter of our own events.
func (o *own) CountAfter(ctx context.Context, at domain.Position, most int) (int, error) {
	return count(o.ReadAll(ctx, at, domain.Forward, most))
}
