package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// TestAnswers: one version's question is worked out once, however many ask; another version's anew; an error is not kept; and what is
// kept has an end.
func TestAnswers(t *testing.T) {
	var a answers
	asked := 0
	ask := func(version, question string) string {
		raw, err := a.answer(t.Context(), version, question, func(context.Context) ([]byte, error) {
			asked++
			return fmt.Appendf(nil, "%s of %s, %d", question, version, asked), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	for _, step := range []struct{ version, question, want string }{
		{"1", "a", "a of 1, 1"}, {"1", "a", "a of 1, 1"}, {"1", "b", "b of 1, 2"}, {"2", "a", "a of 2, 3"}, {"2", "b", "b of 2, 4"}, {"1", "a", "a of 1, 5"},
	} {
		if got := ask(step.version, step.question); got != step.want {
			t.Errorf("%+v: %s", step, got)
		}
	}
	_, err := a.answer(t.Context(), "1", "c", func(context.Context) ([]byte, error) { return nil, errors.ErrUnsupported })
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if got := ask("1", "c"); got != "c of 1, 6" {
		t.Errorf("after an error: %s", got)
	}
	for i := range 3 * maxAnswers {
		ask("1", fmt.Sprint(i))
		if len(a.known) > maxAnswers {
			t.Fatalf("%d are kept", len(a.known))
		}
	}
}

func TestAnswersAreWorkedOutTogether(t *testing.T) {
	var (
		a     answers
		group sync.WaitGroup
		once  sync.Once
		begun = make(chan struct{})
		end   = make(chan struct{})
	)
	ask := func(context.Context) ([]byte, error) {
		once.Do(func() { close(begun) }) // a second one would panic at end
		<-end
		return []byte("it"), nil
	}
	gone, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		if _, err := a.answer(gone, "1", "a", ask); !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
	}()
	<-begun
	for range 8 {
		group.Go(func() {
			raw, err := a.answer(t.Context(), "1", "a", func(context.Context) ([]byte, error) { return nil, errors.New("worked out twice") })
			if err != nil || string(raw) != "it" {
				t.Errorf("got %q, %v", raw, err)
			}
		})
	}
	leave()
	<-left
	close(end)
	group.Wait()
}
