package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

// put is an event that somebody put into the log by hand; data and metadata are SQL.
func put(t testing.TB, pool *pgxpool.Pool, stream domain.StreamName, name, data, metadata string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `INSERT INTO eventstore.events (position, stream, revision, id, type, data, metadata, recorded_at)
		SELECT coalesce(max(position), 0) + 1, $1, count(*) FILTER (WHERE stream = $1), gen_random_uuid(), $2, `+data+`, `+metadata+`, now()
		FROM eventstore.events`, string(stream), name)
	if err != nil {
		t.Fatal(err)
	}
}

// Events of 20 MB put in by hand, many in a row, do not keep a node that has little memory: those that are ours by name are parked, by
// name, and everything else goes on.
func TestEventsTooLargeToBeOurs(t *testing.T) {
	t.Parallel()
	env, pool := onDatabase(t)
	env["GOMEMLIMIT"] = "96MiB"
	if err := run(t.Context(), []string{"staff", "add", "--name", "吴海", "--role", "operator"}, env.get, io.Discard); err != nil {
		t.Fatal(err)
	}
	const (
		small = `convert_to('{}', 'UTF8')`
		large = `convert_to(repeat('x', 20 << 20), 'UTF8')`
		deep  = `convert_to(repeat('[', 100000) || repeat(']', 100000), 'UTF8')`
	)
	account := func() domain.StreamName { return domain.Stream("account", uuid.New()) }
	for range 60 {
		put(t, pool, account(), "account-opened.v1", large, small)
	}
	inMetadata := account()
	put(t, pool, inMetadata, "account-opened.v1", small, large)
	put(t, pool, inMetadata, "account-closed.v1", small, small)
	put(t, pool, account(), "account-opened.v1", deep, small)
	put(t, pool, account(), "account-opened.v1", `convert_to('{"name":' || repeat('[', 100000) || repeat(']', 100000) || '}', 'UTF8')`, deep)
	var after bytes.Buffer
	if err := run(t.Context(), []string{"staff", "add", "--name", "陈静", "--role", "reviewer", "--as", "吴海"}, env.get, &after); err == nil {
		t.Log(after.String())
	} else {
		t.Logf("%v", err) // it looks for the name among accounts of which some cannot be read
	}
	n := startNode(t, "1", env)
	eventually(t, "a ready node", func() bool { s, _ := probed(t, n.admin+"/readyz"); return s == 200 })
	env.inspect(t, func(ctx context.Context, a *app) error { return a.caughtUp(ctx, patience) })
	n.interrupt()
	var letters bytes.Buffer
	if err := run(t.Context(), []string{"deadletters", "list"}, env.get, &letters); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(letters.String(), "larger than any event") || !strings.Contains(letters.String(), string(inMetadata)) {
		t.Errorf("dead letters:\n%.2000s", letters.String())
	}
	for _, command := range [][]string{{"verify"}, {"rebuild", "all"}, {"verify"}} {
		if err := run(t.Context(), command, env.get, io.Discard); err != nil {
			t.Errorf("%v: %v", command, err)
		}
	}
	_, to := onDatabase(t)
	env["TO"] = fmt.Sprint(to.Config().ConnString())
	err := run(t.Context(), []string{"copy", "--from", "postgres", "--to", "env:TO"}, env.get, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "cannot be copied: it is larger than any event") {
		t.Errorf("copy: %v", err)
	}
}
