package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"waybill/adapters/postgres"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/events"
)

// line runs commands on one database.
type line struct {
	t   *testing.T
	env environ
}

// do runs a command that must succeed, and returns what it prints.
func (l line) do(args ...string) string {
	l.t.Helper()
	var out bytes.Buffer
	if err := run(l.t.Context(), args, l.env.get, &out); err != nil {
		l.t.Fatalf("%v: %v\n%s", args, err, &out)
	}
	return out.String()
}

// refuses runs a command that must fail, saying want, and must leave the log as it was.
func (l line) refuses(store domain.EventStore, want string, args ...string) {
	l.t.Helper()
	before := endOf(l.t, store)
	var out bytes.Buffer
	err := run(l.t.Context(), args, l.env.get, &out)
	if err == nil || !strings.Contains(err.Error(), want) {
		l.t.Errorf("%v: %v, want %q\n%s", args, err, want, &out)
	}
	if after := endOf(l.t, store); after != before {
		l.t.Errorf("%v: refused, and yet %d events", args, after-before)
	}
}

var printedID = regexp.MustCompile(`account ([0-9a-f-]{36})`)

func idIn(t *testing.T, printed string) string {
	t.Helper()
	found := printedID.FindStringSubmatch(printed)
	if found == nil {
		t.Fatalf("no account in %q", printed)
	}
	return found[1]
}

func newLine(t *testing.T) (line, *postgres.EventStore) {
	env, pool := onDatabase(t)
	store := postgres.NewEventStore(pool)
	t.Cleanup(func() { _ = store.Close() })
	return line{t, env}, store
}

// Every change of rights has a person, who is in the history, and no secret is.
func TestEveryChangeOfRightsHasItsPerson(t *testing.T) {
	t.Parallel()
	l, store := newLine(t)
	open := []string{"account", "open", "--name", "三亚海丰", "--uscc", "91460200MA5TBJ3K4Y", "--legal-representative", "邢小雨"}
	l.refuses(store, "no open account", "staff", "add", "--name", "吴海", "--role", "operator", "--as", "") // such as --as "$ME"
	l.refuses(store, "--as", "staff", "add", "--name", "陈静", "--role", "reviewer")                        // only an operator adds itself
	operator := idIn(t, l.do("staff", "add", "--name", "吴海", "--role", "operator"))
	l.refuses(store, "there is an operator already", "staff", "add", "--name", "王", "--role", "operator")
	reviewer := idIn(t, l.do("staff", "add", "--name", "陈静", "--role", "reviewer", "--as", operator))
	seller := idIn(t, l.do(append(open, "--as", "吴海")...))

	// each row: what it is, and whether it works when an operator does it
	for _, c := range [][]string{
		{"staff", "add", "--name", "周明", "--role", "auditor"},
		{"role", "grant", reviewer, "--role", "auditor"},
		{"role", "revoke", reviewer, "--role", "auditor", "--reason", "调岗"},
		{"role", "grant", reviewer, "--role", "auditor"},
		{"token", "issue", reviewer, "--role", "reviewer,auditor", "--name", "值班电脑", "--ttl", "30d"},
		{"token", "revoke", "值班电脑", "--reason", "遗失"},
		{"account", "certify", seller, "--name", "三亚海丰物流", "--uscc", "91460200MA5TBJ3K4Y", "--legal-representative", "邢雨"},
		{"account", "close", seller, "--reason", "注销"},
		{"token", "revoke", "--all", "--reason", "恢复备份"},
	} {
		for as, want := range map[string]string{
			"":                                     "--as",
			"nobody":                               "no open account",
			reviewer:                               "does not hold this role",
			seller:                                 "--as",
			"00000000-0000-0000-0000-000000000000": "no such operator",
			"7d4c9b0e-1111-4222-8333-444455556666": "no such operator",
		} {
			if as == "" {
				l.refuses(store, want, c...)
			} else {
				l.refuses(store, want, append(c, "--as", as)...)
			}
		}
		before := endOf(t, store)
		l.do(append(c, "--as", operator)...)
		if endOf(t, store) == before {
			t.Errorf("%v left no trace", c)
		}
	}
	types := map[string]int{}
	for e, err := range store.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		types[e.Type]++
		if meta, err := e.DecodeMetadata(); err != nil || meta.Actor.ID.String() != operator || meta.Actor.Role != domain.RoleOperator {
			t.Errorf("%s@%d %s is by %+v (%v)", e.Stream, e.Revision, e.Type, meta.Actor, err)
		}
		if strings.Contains(string(e.Data), "wb_") {
			t.Errorf("a secret in %s", e.Data)
		}
		if _, err := events.Types.Decode(e.Type, e.Data); err != nil {
			t.Error(err)
		}
	}
	if types[account.TokenIssued{}.EventType()] != 5 || types[account.TokenRevoked{}.EventType()] != 5 || types[account.RoleRevoked{}.EventType()] != 1 {
		t.Errorf("the log holds %v", types)
	}
}

// What is refused leaves nothing, and no token is dead at birth or lives too long.
func TestNothingHalfMade(t *testing.T) {
	t.Parallel()
	l, store := newLine(t)
	l.env["WAYBILL_TOKEN_MAX_TTL"] = "60d"
	l.do("staff", "add", "--name", "吴海", "--role", "operator")
	open := func(name, code, representative string, more ...string) []string {
		return append([]string{"account", "open", "--name", name, "--uscc", code, "--legal-representative", representative, "--as", "吴海"}, more...)
	}
	const code = "91460200MA5TBJ3K4Y"
	l.refuses(store, "/uscc", open("三亚海丰", "91460200MA5TBJ3K4Z", "邢小雨")...)
	l.refuses(store, "--legal-representative is empty", open("三亚海丰", code, "")...)
	l.refuses(store, "display name", open(strings.Repeat("字", 101), code, "邢小雨")...)
	for _, ttl := range []string{"0", "0s", "-1h", "-30d", "61d", "1441h", "1000000d", "soon", "1x", "d", "NaNd", "1e3d"} {
		l.refuses(store, "ttl", open("三亚海丰", code, "邢小雨", "--ttl="+ttl)...)
		l.refuses(store, "ttl", "token", "issue", "吴海", "--role=operator", "--as=吴海", "--ttl="+ttl)
		l.refuses(store, "ttl", "staff", "add", "--name=陈静", "--role=reviewer", "--as=吴海", "--ttl="+ttl)
	}
	for _, ttl := range []string{"60d", "1h", "1d12h", "0.5d"} {
		l.do("token", "issue", "吴海", "--role=operator", "--as=吴海", "--ttl="+ttl)
	}
	l.refuses(store, "does not hold this role", "token", "issue", "吴海", "--role=operator,reviewer", "--as=吴海")
	l.refuses(store, "several valid tokens", "token", "revoke", "issued by an operator", "--as=吴海")
	l.refuses(store, "no such token", "token", "revoke", "another", "--as=吴海")
	l.refuses(store, "say which token", "token", "revoke", "--as=吴海")
}

// What is listed is what there is, and what people typed stays in its line.
func TestListsOfAccounts(t *testing.T) {
	t.Parallel()
	l, store := newLine(t)
	operator := idIn(t, l.do("staff", "add", "--name", "吴海", "--role", "operator"))
	l.do("role", "grant", operator, "--role", "auditor", "--as", operator)
	reviewer := idIn(t, l.do("staff", "add", "--name", "陈静", "--role", "reviewer", "--as", operator))
	seller := idIn(t, l.do("account", "open", "--name", "三亚海丰", "--uscc", "91460200MA5TBJ3K4Y", "--legal-representative", "邢小雨", "--as", operator))
	l.do("role", "revoke", reviewer, "--role", "reviewer", "--reason", "调岗", "--as", operator)
	for _, c := range []struct {
		args      []string
		has, lack string
	}{
		{[]string{"staff", "list"}, "auditor,operator", reviewer},
		{[]string{"account", "list"}, reviewer, "\x1b"},
		{[]string{"account", "find", "海丰"}, seller, operator},
		{[]string{"account", "find", "ma5tbj"}, seller, operator},
		{[]string{"account", "find", "海丰\u200b 小雨"}, seller, operator},
		{[]string{"account", "find", "ＭＡ５ 三亚"}, seller, operator},
		{[]string{"account", "show", "三亚海丰"}, "91460200MA5TBJ3K4Y", operator},
		{[]string{"account", "show", reviewer}, "token_revoked", "valid"},
		{[]string{"token", "list", seller}, "[enterprise]", "account " + seller},
		{[]string{"token", "list"}, "account " + seller, "wb_"},
	} {
		if got := l.do(c.args...); !strings.Contains(got, c.has) || strings.Contains(got, c.lack) {
			t.Errorf("%v: want %q and not %q in\n%s", c.args, c.has, c.lack, got)
		}
	}
	const nobody = "7d4c9b0e-1111-4222-8333-444455556666"
	for _, nothing := range []string{"", " ", "\u200b", "\u200e"} {
		l.refuses(store, "say a part", "account", "find", nothing)
		l.refuses(store, "no open account", "account", "show", nothing)
		l.refuses(store, "no open account", "token", "list", nothing)
	}
	l.refuses(store, "no such object", "token", "list", nobody)
}

// The demo world has staff whose tokens are printed: it comes into no log but an empty one and its own.
func TestSeedLeavesALogInUseAlone(t *testing.T) {
	t.Parallel()
	used, store := newLine(t)
	for want, flags := range map[string][]string{
		"at least 1": {"--products=0"}, "are at least 1": {"--products=-5"}, "--events are": {"--products=3", "--events=0"},
		"how many --products": {"--events=5"}, "no tokens": {"--products=3", "--ttl=1h"},
	} {
		used.refuses(store, want, append([]string{"seed"}, flags...)...)
	}
	used.do("staff", "add", "--name", "吴海", "--role", "operator")
	used.refuses(store, "in use", "seed")
	used.refuses(store, "in use", "seed", "--products=3")
	own, store := newLine(t)
	own.do("seed")
	own.do("seed") // as often as wanted
	own.refuses(store, "in use", "seed", "--products=3")
	bulk, store := newLine(t)
	bulk.do("seed", "--products=3")
	bulk.refuses(store, "in use", "seed")
	bulk.refuses(store, "in use", "seed", "--products=3")
}

// An event's text is no command to the terminal, in whatever is printed.
func TestStoredTextCommandsNoTerminal(t *testing.T) {
	t.Parallel()
	l, store := newLine(t)
	operator := idIn(t, l.do("staff", "add", "--name", "吴海", "--role", "operator"))
	evil := "\x1b]0;owned\a\u009b2J\u202e\nforged"
	id := newRequest(domain.System)
	data, err := json.Marshal(account.Opened{DisplayName: evil})
	if err != nil {
		t.Fatal(err)
	}
	meta, err := json.Marshal(domain.Metadata{Actor: domain.System, CausationID: id.ID, CorrelationID: id.ID, Schema: 1})
	if err != nil {
		t.Fatal(err)
	}
	stream := domain.Stream(account.Category, id.ID)
	if _, err := store.Append(t.Context(), stream, domain.NoStream(), []domain.NewEvent{{ID: id.ID, Type: account.Opened{}.EventType(), Data: data, Metadata: meta}}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"account", "list"},
		{"account", "show", id.ID.String()},
		{"account", "find", "owned"},
		{"replay", string(stream)},
		{"staff", "list"},
		{"account", "show", operator},
	} {
		got := l.do(args...)
		if strings.ContainsAny(got, "\x1b\a\u009b\u202e") || strings.Contains(got, "\nforged") {
			t.Errorf("%v prints %q", args, got)
		}
	}
}
