package api_test

import (
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres"
	"waybill/domain"
)

// TestOnEventStoreDB tells the manual's story, and whatever else hangs on the log, again on an EventStoreDB.
func TestOnEventStoreDB(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"Story":                          TestStory,
		"ARepeatedRequest":               TestARepeatedRequestIsAnsweredTheSame,
		"OneRequestSentByManyAtOnce":     TestOneRequestSentByManyAtOnceTakesEffectOnce,
		"IfMatch":                        TestIfMatch,
		"ReadYourWrites":                 TestReadYourWrites,
		"AReadThatIsAheadOfItsReadModel": TestAReadThatIsAheadOfItsReadModelIsToldToRetry,
		"Paging":                         TestPaging,
		"ForeignObjects":                 TestForeignObjects,
		"ReplayOfARandomWorld":           TestReplayOfARandomWorld,
		"WhatWasDeletedIsOpened":         TestWhatWasDeletedIsOpenedWithAReason,
		"ADecisionIsExamined":            TestADecisionIsExamined,
		"EventsOfEverybody":              TestEventsOfEverybody,
		"StreamCutAnywhere":              TestStreamCutAnywhere,
	} {
		t.Run(name, test)
	}
}

type store interface {
	domain.EventStore
	io.Closer
}

// newStore is PostgreSQL's, in the pool's database; in TestOnEventStoreDB it is an EventStoreDB's.
func newStore(t testing.TB, pool *pgxpool.Pool) store {
	t.Helper()
	if !strings.HasPrefix(t.Name(), "TestOnEventStoreDB/") {
		return postgres.NewEventStore(pool)
	}
	s, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: esdbtest.Start(t).ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
