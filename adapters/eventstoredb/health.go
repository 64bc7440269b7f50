package eventstoredb

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"waybill/domain"
)

// State is how the store is doing.
type State int

// The states.
const (
	// Unknown holds until somebody has looked.
	Unknown State = iota
	// Well says that a leader answers and takes our credentials.
	Well
	// Away says that no leader answers.
	Away
	// Refused says that a leader answers and refuses our credentials, or what they may do.
	Refused
)

// Health is how the store is doing, as was found out last.
type Health struct {
	State State
	// Err is why it is not well.
	Err error
	// Since is when it came to be so.
	Since time.Time
}

// How often Watch looks: seldom while all is well, since a call that is refused has it look at once.
const (
	lookWhenWell = 5 * time.Second
	lookWhenNot  = time.Second
	// lookApart keeps refused calls from having it look all the time.
	lookApart = 200 * time.Millisecond
)

// health is what Watch found out.
type health struct {
	mu  sync.Mutex
	now Health
	// alarm holds a token when a call was refused.
	alarm chan struct{}
	// unwritable is set when an append was refused: an append, too, is tried from then on, until one is taken.
	unwritable atomic.Bool
}

// Health tells how the store is doing. Without Watch nobody knows.
func (s *Store) Health() Health {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return s.health.now
}

// Watch looks every few seconds how the store is doing, and says so in the log: when it changes, and once a minute while all
// is not well. It returns when ctx ends or the store is closed.
func (s *Store) Watch(ctx context.Context) {
	said := sparingly()
	for ctx.Err() == nil {
		found := s.look(ctx)
		if ctx.Err() != nil {
			return
		}
		s.health.mu.Lock()
		before := s.health.now
		found.Since = before.Since
		if found.State != before.State {
			found.Since, said = time.Now(), sparingly()
		}
		s.health.now = found
		s.health.mu.Unlock()
		s.sayHealth(ctx, before, found, said)
		every := lookWhenWell
		if found.State != Well {
			every = lookWhenNot
		}
		pause := time.NewTimer(every)
		select {
		case <-pause.C:
		case <-s.health.alarm:
			pause.Reset(lookApart)
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
		case <-ctx.Done():
		case <-s.nodes.closed:
			return
		}
		pause.Stop()
	}
}

// sayHealth tells a person; that all is not well, as often as said lets it.
func (s *Store) sayHealth(ctx context.Context, before, now Health, said *rate.Sometimes) {
	if now.State == Well {
		if before.State == Away || before.State == Refused {
			s.log.InfoContext(ctx, "EventStoreDB answers and takes our credentials again",
				"after", time.Since(before.Since).Round(time.Millisecond))
		}
		return
	}
	said.Do(func() {
		if now.State == Away {
			s.log.WarnContext(ctx, "EventStoreDB is away: commands answer 503 until a leader answers", "error", now.Err)
			return
		}
		s.log.ErrorContext(ctx, "EventStoreDB refuses this node: give the user of WAYBILL_EVENTSTORE its password and rights back there, "+
			"or put the right ones into WAYBILL_EVENTSTORE and restart", "error", now.Err)
	})
}

// look finds out how the store is doing. What may pass in a moment, such as an election, is given the time of one call.
func (s *Store) look(ctx context.Context) Health {
	var wait backoff
	for end := time.Now().Add(s.timeout); ; {
		err := s.tryReading(ctx)
		if err == nil && s.health.unwritable.Load() {
			err = s.tryWriting(ctx)
		}
		switch {
		case err == nil:
			return Health{State: Well}
		case judge(err) == denied:
			return Health{State: Refused, Err: err}
		case !worthAnother(err) || time.Now().After(end) || !wait.sleep(ctx.Done()):
			return Health{State: Away, Err: err}
		}
	}
}

// tryReading asks the leader for the last event of the log.
func (s *Store) tryReading(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := call(ctx, s.nodes, s.timeout, func(ctx context.Context, client *esdb.Client) (struct{}, error) {
		read, err := client.ReadAll(onLeader(ctx), esdb.ReadAllOptions{Direction: esdb.Backwards, From: esdb.End{}}, 1)
		if err != nil {
			return struct{}{}, err
		}
		defer read.Close()
		if _, err = read.Recv(); err == io.EOF { //nolint:errorlint // only the bare one is the end; a failure may wrap it
			err = nil
		}
		return struct{}{}, err
	})
	return err
}

// tryWriting sends an append that can never be: it wants a stream to exist that nobody makes. Whoever may not write is
// refused before that.
func (s *Store) tryWriting(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := call(ctx, s.nodes, s.timeout, func(ctx context.Context, client *esdb.Client) (struct{}, error) {
		_, err := client.AppendToStream(onLeader(ctx), s.named("waybill_may_write"),
			esdb.AppendToStreamOptions{ExpectedRevision: esdb.StreamExists{}, Deadline: &s.timeout},
			esdb.EventData{EventID: uuid.New(), EventType: "nothing", ContentType: esdb.ContentTypeBinary})
		return struct{}{}, err
	})
	if err == nil || judge(err) == conflict {
		s.health.unwritable.Store(false)
		return nil
	}
	return err
}

// noteRefusal takes note of a call that was refused, and has Watch look.
func (s *Store) noteRefusal(err error, writing bool) {
	if err == nil || judge(err) != denied {
		return
	}
	if writing {
		s.health.unwritable.Store(true)
	}
	signal(s.health.alarm)
}

// explained adds what is known of the store to an error that says less: a refusal that comes while the client is still
// sending reaches it as a closed stream.
func (s *Store) explained(err error) error {
	if now := s.Health(); errors.Is(err, domain.ErrUnavailable) && !errors.Is(err, domain.ErrRefused) && now.State == Refused {
		return errors.Join(domain.ErrRefused, err)
	}
	return err
}

// sparingly lets something be said at once, and then once a minute.
func sparingly() *rate.Sometimes { return &rate.Sometimes{Interval: time.Minute} }

// level is the usual one when something may be said, and that of details in between.
func level(may *rate.Sometimes, usual slog.Level) slog.Level {
	now := slog.LevelDebug
	may.Do(func() { now = usual })
	return now
}
