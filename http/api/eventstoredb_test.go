package api_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
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
		"TheServerGoesBack":              theServerGoesBack,
		"DeletedStreams":                 deletedStreams,
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
	data := t.TempDir()
	server := esdbtest.Start(t, esdbtest.Options{Data: data})
	s, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: server.ConnectionString()})
	if err != nil {
		t.Fatal(err)
	}
	return &remote{Store: s, server: server, data: data}
}

// remote is an EventStoreDB with the server that it is on.
type remote struct {
	*eventstoredb.Store
	server *esdbtest.Server
	data   string
}

// backup copies the log as it is; restore ends the server, and has another one take its place.
func (r *remote) backup(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	journal, err := os.ReadFile(filepath.Join(r.data, "journal"))
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "journal"), journal, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func (r *remote) restore(t *testing.T, from string) {
	t.Helper()
	address := r.server.Addr()
	if err := r.server.Close(); err != nil {
		t.Fatal(err)
	}
	r.data, r.server = from, esdbtest.Start(t, esdbtest.Options{Data: from, Listen: address})
}

// client is one of the server's own.
func (r *remote) client(t *testing.T) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(r.server.ConnectionString())
	if err != nil {
		t.Fatal(err)
	}
	client, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
