package ready

import (
	"context"
	"fmt"
	"time"

	"waybill/projections/probe"
	"waybill/projections/runtime"
)

// MaxSilence is for how long a part may say nothing, and count as what it was, before it is unavailable.
const MaxSilence = 5 * time.Second

// MaxAge is how old an answer may be that is told again: who asks once in an hour is not told how it was an hour ago.
const MaxAge = 30 * time.Second

// unknown is an error when what was told says nothing any more of how things are, and nil while it does.
func unknown[T any](told probe.Answer[T]) error {
	switch {
	case told.Silent > MaxSilence:
		return fmt.Errorf("no answer for %v", told.Silent.Round(time.Second))
	case !told.At.IsZero() && told.Age() > MaxAge:
		return fmt.Errorf("no answer yet, and the last one is %v old", told.Age().Round(time.Second))
	}
	return nil
}

// inTime is a Status that is told in time, whatever it takes to find out.
type inTime struct {
	look   *probe.Look[[]runtime.Status]
	writes *probe.Look[struct{}] // nil where nobody writes
}

// InTime is a Status that answers within a second, whatever it is asked of: with the last answer while that is not too old. However many
// ask, it asks once at a time. It is nil for nil.
func InTime(s Status) Status {
	switch s := s.(type) {
	case nil:
		return nil
	case *inTime:
		return s
	}
	t := &inTime{look: probe.New(s.Status)}
	if w, ok := s.(Writer); ok {
		t.writes = probe.New(func(ctx context.Context) (struct{}, error) { return struct{}{}, w.Writable(ctx) })
	}
	return t
}

// Status implements Status.
func (t *inTime) Status(ctx context.Context) ([]runtime.Status, error) {
	now := t.now(ctx)
	return now.all, now.err
}

// answer is how things are, and how old that is.
type answer struct {
	all []runtime.Status
	age time.Duration
	err error
}

func (a answer) parts() ([]runtime.Status, time.Duration, error) { return a.all, a.age, a.err }

func (t *inTime) now(ctx context.Context) answer {
	told := t.look.Now(ctx)
	if err := unknown(told); err != nil {
		return answer{age: told.Age(), err: err}
	}
	return answer{told.Value, told.Age(), told.Err}
}

func statusOf(ctx context.Context, s Status) answer {
	if t, ok := s.(*inTime); ok {
		return t.now(ctx)
	}
	all, err := s.Status(ctx)
	return answer{all: all, err: err}
}

// writable is Writer.Writable of what may be none, in time where that is.
func writable(ctx context.Context, s Status) error {
	switch s := s.(type) {
	case *inTime:
		if s.writes == nil {
			return nil
		}
		told := s.writes.Now(ctx)
		if err := unknown(told); err != nil {
			return err
		}
		return told.Err
	case Writer:
		return s.Writable(ctx)
	}
	return nil
}

// InTime is the checker with parts that are asked in time.
func (c Checker) InTime() Checker {
	c.Models, c.Replica = InTime(c.Models), InTime(c.Replica)
	return c
}
