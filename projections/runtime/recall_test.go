package runtime

import (
	"slices"
	"testing"

	"waybill/domain"
	"waybill/projections/runtimetest"
)

// A nack takes back what was sent and not yet received: nobody gets a later message before the nacked one has come again.
func TestNackRecallsWhatWasSent(t *testing.T) {
	t.Parallel()
	const window = 4
	s := NewSubscriber(SubscriberConfig{Store: newLog(10), Prefetch: window})
	defer s.Close()
	messages, err := s.Subscribe(t.Context(), "product")
	if err != nil {
		t.Fatal(err)
	}
	first := receive(t, messages)
	runtimetest.Eventually(t, "the rest of the window sent", func() bool { return len(messages) == window-1 })
	first.Nack()
	runtimetest.Eventually(t, "the window sent again", func() bool { return len(messages) == window })
	var got []domain.Position
	for range window {
		got = append(got, position(t, receive(t, messages)))
	}
	if want := []domain.Position{1, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("after the nack came %v, want %v", got, want)
	}
}
