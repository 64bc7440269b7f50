package booking_test

import (
	"reflect"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/decidertest"
)

func TestAnySequenceOfCommandsKeepsTheInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s booking.State
		var log []domain.Event
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			by := rapid.SampledFrom([]uuid.UUID{owner, enterprise, stranger}).Draw(t, "by")
			c := rapid.SampledFrom([]booking.Command{
				booking.Request{Snapshot: snapshot(), Available: rapid.Bool().Draw(t, "available"), At: now},
				booking.Reply{By: by, Text: rapid.SampledFrom([]string{"", "好的"}).Draw(t, "text")},
				booking.MarkRead{By: by},
				booking.Withdraw{By: by},
				booking.Close{Reason: rapid.SampledFrom([]booking.CloseReason{booking.ProductDeleted, booking.Withdrawn, ""}).Draw(t, "reason")},
			}).Draw(t, "command")
			before := s
			facts, err := booking.Decide(s, c)
			if err != nil && len(facts) > 0 {
				t.Fatalf("%T refused with events", c)
			}
			decidertest.Lossless(t, booking.Types, facts)
			for _, fact := range facts {
				s = booking.Evolve(s, fact)
			}
			log = append(log, facts...)
			switch {
			case len(s.Replies) > 1:
				t.Fatalf("replied %d times", len(s.Replies))
			case s.ReadNumber > len(s.Replies):
				t.Fatalf("read what was not written: %+v", s)
			case s.Status == booking.StatusClosed && len(s.Replies) > 0 && s.Replies[0] != s.CloseReason.SystemReply():
				t.Fatalf("closed although answered: %+v", s)
			case (s.Status == booking.StatusClosed) != (s.CloseReason != ""):
				t.Fatalf("closed without a reason, or open with one: %+v", s)
			case before.Status == booking.StatusClosed && len(facts) > 0 && facts[0] != (booking.Read{Number: 1}):
				t.Fatalf("%T after the end", c)
			case by == stranger && len(facts) > 0 && isOwners(c):
				t.Fatalf("a stranger's %T was heard", c)
			}
		}
		decidertest.StableFold(t, booking.Decider, log)
		if again := decidertest.Fold(booking.Decider, log); !reflect.DeepEqual(again, s) {
			t.Fatalf("folding the whole log gives\n%+v, want\n%+v", again, s)
		}
	})
}

func isOwners(c booking.Command) bool {
	switch c.(type) {
	case booking.Reply, booking.MarkRead, booking.Withdraw:
		return true
	}
	return false
}
