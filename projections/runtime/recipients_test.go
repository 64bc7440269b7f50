package runtime

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/operation"
	"waybill/domain/product"
	"waybill/projections"
)

// What one recipient is not to get after all, another gets; the operation is correlated with the recipient.
func TestOneRecipientIsSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone, back := uuid.NewString(), uuid.NewString()
	stream := someProduct()
	o := newOutside()
	o.refuse(string(stream), true)
	reaction := o.tell(FromStart)
	reaction.Handle = func(context.Context, projections.Event) ([]Item, error) {
		return []Item{{Recipient: gone}, {Recipient: back}}, nil
	}
	at := w.append(stream, product.Listed{}).Position
	w.startWith(reaction)
	letters := NewDeadLetters(w.pool, w.store, nil, []Reaction{reaction})
	recipients := func(d *DeadLetters) (all []string) {
		t.Helper()
		list, err := d.List(t.Context(), "tell", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			all = append(all, l.Recipient)
		}
		return all
	}
	w.eventually("both items given up", func() bool { return len(recipients(letters)) == 2 })
	shown, _, err := letters.Show(t.Context(), "tell", at)
	if err != nil || len(shown) != 2 {
		t.Errorf("shown %+v, %v; want one for each recipient", shown, err)
	}
	operator := domain.Actor{ID: uuid.New(), Role: domain.RoleOperator}
	nobody := letters.For(uuid.NewString())
	if err := nobody.Skip(t.Context(), "tell", stream, at, "the address is gone", operator); !errors.Is(err, ErrNoDeadLetter) {
		t.Errorf("skipped for nobody: %v", err)
	}
	if err := letters.For(gone).Skip(t.Context(), "tell", stream, at, "the address is gone", operator); err != nil {
		t.Fatal(err)
	}
	if got := recipients(letters); !slices.Equal(got, []string{back}) {
		t.Fatalf("left %v, want %s", got, back)
	}
	o.refuse(string(stream), false)
	if _, err := letters.For(gone).Retry(t.Context(), "tell", stream, operator); !errors.Is(err, ErrNoDeadLetter) {
		t.Errorf("retried what was skipped: %v", err)
	}
	if r, err := letters.For(back).Retry(t.Context(), "tell", stream, operator); r != (Retried{Due: 1}) || err != nil {
		t.Fatalf("retry: %+v, %v", r, err)
	}
	w.eventually("the other told after all", func() bool {
		return slices.Equal(o.delivered(), []string{back + " " + string(stream) + "@0"})
	})

	correlated := map[string]string{}
	for e, err := range w.store.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Stream.Category() == operation.Category {
			meta, err := e.DecodeMetadata()
			if err != nil {
				t.Fatal(err)
			}
			correlated[e.Type] = meta.CorrelationID.String()
		}
	}
	if correlated[operation.DeadLetterSkipped{}.EventType()] != gone || correlated[operation.DeadLettersRetried{}.EventType()] != back {
		t.Errorf("correlated %v", correlated)
	}
}
