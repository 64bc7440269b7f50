// Package eventstoredb keeps the log in an EventStoreDB (KurrentDB) server or cluster, through its official client.
package eventstoredb

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"waybill/domain"
)

// Store is the log in EventStoreDB: each stream is one there, and a position is an event's place in $all. Several nodes may
// share a server. It has one connection, heals it by itself, and bounds every call in time.
type Store struct {
	prefix  string
	timeout time.Duration
	nodes   *supervisor
	log     *slog.Logger
	observe func(Appended)
	close   sync.Once

	// seen is the highest position that this process knows to be stored.
	seen          atomic.Uint64
	passedOver    atomic.Uint64
	flights       flights
	subscriptions subscriptions
	health        health
	tails         tails
}

var _ domain.EventStore = (*Store)(nil)

// Open makes a store and begins to look for a node; it does not wait for one. The error names every mistake in config.
func Open(config Config) (*Store, error) {
	if err := errors.Join(Check(config.ConnectionString), CheckPrefix(config.Prefix)); err != nil {
		return nil, err
	}
	settings, err := parse(config.ConnectionString)
	if err != nil {
		return nil, err
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Observe == nil {
		config.Observe = func(Appended) {}
	}
	if config.Timeout == 0 {
		config.Timeout = standardTimeout
		if settings.DefaultDeadline != nil {
			config.Timeout = *settings.DefaultDeadline
		}
	}
	settings.Logger = clientLog(config.Logger)
	return &Store{
		prefix: config.Prefix, timeout: config.Timeout, nodes: supervise(again(settings, config), config.Logger),
		log: config.Logger, observe: config.Observe, health: health{alarm: make(chan struct{}, 1)},
	}, nil
}

// again makes what a client is made of for each search of a node anew, so that the certificates are those that the files have
// now. While they cannot be read, the ones before stay in use.
func again(settings *esdb.Configuration, config Config) func() *esdb.Configuration {
	return func() *esdb.Configuration {
		if fresh, err := parse(config.ConnectionString); err == nil {
			fresh.Logger = settings.Logger
			settings = fresh
		}
		return settings
	}
}

// Close ends all subscriptions and fails all later calls with ErrUnavailable.
func (s *Store) Close() error {
	s.close.Do(s.nodes.close)
	return nil
}

// Restarts is how often a new client had to be made after the first.
func (s *Store) Restarts() int64 { return s.nodes.restarts.Load() }

// patience is how long a call goes on trying before it fails.
func (s *Store) patience() time.Duration { return 2 * s.timeout }

// named is a stream's name in EventStoreDB.
func (s *Store) named(stream domain.StreamName) string { return s.prefix + string(stream) }

// ours is the stream's name here; ok is false for a stream of others or of the server's own. A name that no store takes from us is
// another's: nothing that is kept by stream has room for it.
func (s *Store) ours(stream, eventType string) (name domain.StreamName, ok bool) {
	bare, ok := strings.CutPrefix(stream, s.prefix)
	return domain.StreamName(bare), ok && !strings.HasPrefix(stream, "$") && !strings.HasPrefix(eventType, "$") && domain.ValidName(bare)
}

// sawUpTo takes note of a stored event's position.
func (s *Store) sawUpTo(position uint64) {
	for seen := s.seen.Load(); position > seen; seen = s.seen.Load() {
		if s.seen.CompareAndSwap(seen, position) {
			return
		}
	}
}

// saw takes note of events that were read.
func (s *Store) saw(events []domain.RecordedEvent) {
	if len(events) > 0 {
		s.sawUpTo(uint64(events[len(events)-1].Position))
	}
}

// checkName keeps our streams apart from the server's own.
func (s *Store) checkName(stream domain.StreamName) error {
	if strings.HasPrefix(s.named(stream), "$") {
		return fmt.Errorf("%w: stream name %q: EventStoreDB keeps names with $ for itself", domain.ErrInvalidAppend, string(stream))
	}
	return nil
}
