package main

import (
	"bytes"
	"strings"
	"testing"

	"waybill/adapters/eventstoredb/esdbtest"
)

// TestThePrefixIsTheTargets: the prefix is set for a move while the nodes' own log is still in PostgreSQL. No node starts with it then.
func TestThePrefixIsTheTargets(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	server := esdbtest.Start(t)
	do := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), args, env.get, &out)
		return out.String(), err
	}
	if _, err := do("seed"); err != nil {
		t.Fatal(err)
	}
	env["WAYBILL_EVENTSTORE_PREFIX"] = "portal_"
	env["TARGET"] = server.ConnectionString()
	for _, args := range [][]string{
		{"copy", "--from", "postgres", "--to", "env:TARGET"},
		{"copy", "--from", "postgres", "--to", "env:TARGET", "--verify-only"},
		{"copy", "--from", "env:TARGET", "--to", "postgres"},
	} {
		if out, err := do(args...); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	for _, args := range [][]string{{"serve"}, {"staff", "list"}, {"verify"}} {
		if _, err := do(args...); err == nil || !strings.Contains(err.Error(), "WAYBILL_EVENTSTORE_PREFIX=portal_") {
			t.Errorf("%v on PostgreSQL with a prefix: %v", args, err)
		}
	}
	env["WAYBILL_EVENTSTORE"] = env["TARGET"]
	if _, err := do("rebuild", "all"); err != nil {
		t.Fatal(err)
	}
	env.verified(t)
	delete(env, "WAYBILL_EVENTSTORE_PREFIX") // another log, where nothing is
	if out, err := do("copy", "--from", "env:TARGET", "--to", "postgres", "--verify-only"); err == nil {
		t.Errorf("the copy does not have its prefix:\n%s", out)
	}
}
