package commands_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/media"
	"waybill/domain/place"
	"waybill/domain/product"
)

// older is a product of the owner's as older logs have it: its submission does not say where it goes.
func (w *world) older(owner uuid.UUID) uuid.UUID {
	w.t.Helper()
	id, submitted := uuid.New(), product.Submitted{ProviderID: owner, Revision: 1, Content: content()}
	data, err := json.Marshal(submitted)
	if err != nil {
		w.t.Fatal(err)
	}
	events := []domain.NewEvent{{ID: uuid.New(), Type: submitted.EventType(), Data: data, Metadata: []byte(`{}`)}}
	if _, err := w.store.EventStore.Append(w.t.Context(), domain.Stream(product.Category, id), domain.NoStream(), events); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// busy is a gazetteer during whose answer something else happens.
type busy func()

func (b busy) Find(string, string, place.Point) place.Fact {
	b()
	return domaintest.Place
}

// TestALaterRevisionWinsOverAMatch: what is submitted while an older revision is looked up says itself where it goes.
func TestALaterRevisionWinsOverAMatch(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.older(owner)
	asked := 0
	slow := commands.New(w.store, commands.Sources{Policies: media.Standard(), Places: busy(func() {
		if asked++; asked == 1 {
			must[product.State](t)(w.ReviseProduct(t.Context(), as(owner), id, content()))
		}
	})})
	got := must[product.State](t)(slow.MatchPlace(t.Context(), staff(), id, 1))
	if got.Revision != 1 || got.State.Revision != 2 || got.State.Point.IsZero() || len(w.events(domain.Stream(product.Category, id))) != 2 {
		t.Errorf("got %+v", got)
	}
	// And somebody else's match over this one.
	id, asked = w.older(owner), 0
	slow = commands.New(w.store, commands.Sources{Policies: media.Standard(), Places: busy(func() {
		if asked++; asked == 1 {
			must[product.State](t)(w.MatchPlace(t.Context(), staff(), id, 1))
		}
	})})
	if got := must[product.State](t)(slow.MatchPlace(t.Context(), staff(), id, 1)); got.Revision != 1 || len(w.events(domain.Stream(product.Category, id))) != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestWithoutAGazetteerNothingIsMatched: a service that does not know places must not record that there are none.
func TestWithoutAGazetteerNothingIsMatched(t *testing.T) {
	w := newWorld(t)
	id := w.older(w.provider(w.codeA))
	blind := commands.New(w.store, commands.Sources{Policies: media.Standard()})
	if _, err := blind.MatchPlace(t.Context(), staff(), id, 1); err == nil || len(w.events(domain.Stream(product.Category, id))) != 1 {
		t.Errorf("got %v", err)
	}
	_, err := w.MatchPlace(t.Context(), staff(), uuid.New(), 1)
	wantRefusal(t, err, domain.ErrNotFound)
}
