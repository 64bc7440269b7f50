package eventstoredb

import (
	"context"
	"errors"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"waybill/domain"
)

// EventAt finds the event at a position, also one whose stream was deleted while the server keeps it still.
func (s *Store) EventAt(ctx context.Context, at domain.Position) (e domain.RecordedEvent, found bool, err error) {
	if at == 0 || at >= domain.LogEnd {
		return e, false, nil
	}
	w := walk{
		what: "look up a position", at: uint64(at), left: 1,
		key: func(e domain.RecordedEvent) uint64 { return uint64(e.Position) },
		open: func(ctx context.Context, client *esdb.Client, at uint64, _ int) (source, error) {
			options := esdb.ReadAllOptions{Direction: esdb.Forwards, From: esdb.Position{Commit: at, Prepare: at}}
			read, err := client.ReadAll(onLeader(ctx), options, 1) // begins with the event at the position
			return reading{read}, err
		},
	}
	for e, err = range s.read(ctx, w) {
		if err != nil && judge(err) == misplaced {
			return e, false, nil
		}
		return e, err == nil && e.Position == at, err
	}
	return e, false, nil
}

// stillThere returns domain.ErrWentBack unless the log has the event that was read last, if any, where it was: after an interruption
// the server may be another one, or one that was put back to a backup.
func (s *Store) stillThere(ctx context.Context, last domain.RecordedEvent) error {
	if last.Position == 0 {
		return nil
	}
	e, found, err := s.EventAt(ctx, last.Position)
	if err != nil {
		return err
	}
	if !found || e.ID != last.ID || e.Stream != last.Stream || e.Revision != last.Revision {
		s.seen.Store(0)
		return fmt.Errorf("%w (%s@%d at position %d)", domain.ErrWentBack, last.Stream, last.Revision, last.Position)
	}
	return nil
}

// shrank reports whether the log ends before a position that it had: it was put back. What is known to be stored is then learned anew.
func (s *Store) shrank(ctx context.Context, seen uint64) (bool, error) {
	for e, err := range s.ReadAll(ctx, domain.LogEnd, domain.Backward, 1) {
		if err != nil || uint64(e.Position) >= seen {
			return false, err
		}
	}
	s.seen.Store(0)
	return true, nil
}

// streamDeleted reports whether the server refused because the stream was deleted.
func streamDeleted(err error) bool {
	var refused *esdb.Error
	return errors.As(err, &refused) && refused.Code() == esdb.ErrorCodeStreamDeleted
}
