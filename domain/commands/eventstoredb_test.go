package commands_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
)

// TestOnEventStoreDB runs the tests of whatever hangs on the store again, on EventStoreDB.
func TestOnEventStoreDB(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"TwoReviewersOnOneRevision": TestTwoReviewersOnOneRevision,
		"AClaimAnsweredFirst":       TestAClaimThatWasAnsweredFirst,
		"ADecisionCutShort":         TestADecisionThatWasCutShort,
		"ReviewersOnFiftyCases":     TestTwoHundredReviewersOnFiftyCases,
		"OneRequestManyTimesAtOnce": TestOneRequestManyTimesAtOnce,
		"LosersDecideAgain":         TestLosersDecideAgain,
		"ContentionIsBounded":       TestContentionIsBounded,
		"LostAnswers":               TestLostAnswers,
		"OutcomeStaysUnknown":       TestOutcomeStaysUnknown,
		"StoreAway":                 TestStoreAway,
		"DeletedWhileBeingRevised":  TestDeletedWhileBeingRevised,
		"AppliedTwiceAtOnce":        TestAppliedTwiceAtOnce,
	} {
		t.Run(name, test)
	}
}

// newStore is PostgreSQL's; in TestOnEventStoreDB it is an EventStoreDB's.
func newStore(t testing.TB) domain.EventStore {
	t.Helper()
	if strings.HasPrefix(t.Name(), "TestOnEventStoreDB/") {
		return onServer(t, esdbtest.Start(t))
	}
	store := postgres.NewEventStore(pgtest.Database(t, "commands", postgres.Migrate))
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func onServer(t testing.TB, server *esdbtest.Server) domain.EventStore {
	t.Helper()
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// A key is used for two different requests at the same time, on two nodes. EventStoreDB takes the second append for a
// repetition of the first: its event ids are the same.
func TestOneKeyForTwoRequestsOnTwoNodes(t *testing.T) {
	server := esdbtest.Start(t)
	nodes := []*commands.Service{commands.New(onServer(t, server), domaintest.Sources()), commands.New(onServer(t, server), domaintest.Sources())}
	w := &world{Service: nodes[0], t: t, codeA: domaintest.FreshCode()}
	owner := w.provider(w.codeA)
	listed := w.listed(owner)
	for name, do := range map[string]func(*commands.Service, commands.Request, product.Content) (commands.Outcome[product.State], error){
		"new stream": func(s *commands.Service, r commands.Request, c product.Content) (commands.Outcome[product.State], error) {
			return s.SubmitProduct(t.Context(), r, c)
		},
		"old stream": func(s *commands.Service, r commands.Request, c product.Content) (commands.Outcome[product.State], error) {
			return s.ReviseProduct(t.Context(), r, listed, c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for round := range 50 {
				request := as(owner)
				request.At = noon.Add(time.Duration(round) * time.Hour) // as often as anybody may
				outcomes, errs := make([]commands.Outcome[product.State], 2), make([]error, 2)
				parallel(2, func(i int) {
					own, what := request, content()
					own.Fingerprint, what.Name = fmt.Sprint("body ", i), fmt.Sprint("线路 ", round, i)
					outcomes[i], errs[i] = do(nodes[i], own, what)
				})
				if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), domain.ErrKeyReused) {
					t.Fatalf("round %d: %v and %v; want one to be refused", round, errs[0], errs[1])
				}
				for i, o := range outcomes {
					if errs[i] != nil {
						continue
					}
					stored, err := nodes[1-i].Replay(t.Context(), domain.Stream(product.Category, o.ID), commands.Until{})
					if err != nil || stored.State.(product.State).Latest.Name != o.State.Latest.Name {
						t.Fatalf("round %d: answered %+v, stored %+v, %v", round, o.State, stored.State, err)
					}
				}
			}
		})
	}
}
