package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// manyRows is how much there is of all that commands ask about, and fewRows what one of them may look at: pages, not tables.
const (
	manyRows = 20_000
	fewRows  = 4_000
)

// sqlCrowd makes tables large by what one operator did. $ACCOUNT is its account.
const sqlCrowd = `
INSERT INTO eventstore.events SELECT (SELECT max(position) FROM eventstore.events) + i, 'account-' || md5('c' || i)::uuid, 0, md5('e' || i)::uuid, type,
	convert_to('{"display_name":"某某' || i || '"}', 'UTF8'), metadata, recorded_at FROM eventstore.events, generate_series(1, 20000) i WHERE position = 1;
INSERT INTO access.tokens SELECT sha256(i::text::bytea), md5('t' || i)::uuid, CASE WHEN i <= 3 THEN '$ACCOUNT' ELSE md5('c' || i)::uuid END, '{operator}',
	CASE WHEN i = 5 THEN '值班电脑' ELSE 'token ' || i END, now() - i * interval '1 hour', now() + interval '1 day', CASE WHEN i % 2 = 0 THEN now() END
	FROM generate_series(1, 20000) i;
INSERT INTO media.blobs SELECT 'sha256:' || encode(sha256(i::text::bytea), 'hex'), now() - interval '3 days' FROM generate_series(1, 20000) i;
INSERT INTO media.uploads SELECT CASE WHEN i > 19997 THEN '$ACCOUNT' ELSE md5('c' || i)::uuid END, 'sha256:' || encode(sha256(i::text::bytea), 'hex'),
	'cover', 'png', 1, 1, 1, now() - i * interval '1 minute', now() - interval '2 days' FROM generate_series(1, 20000) i;
INSERT INTO projections.dead_letters SELECT CASE WHEN i <= 3 THEN 'review_v6' ELSE 'listing_v6' END, i, 'product-' || md5('p' || i % 5000)::uuid, 0, md5('l' || i)::uuid,
	'product-submitted.v1', 'wrong' FROM generate_series(1, 20000) i;
INSERT INTO projections.ledger (projection, event_id, recipient, object, stream, revision, position, type, state, settled_at)
	SELECT 'reaction_tell_webhooks', md5('g' || i)::uuid, md5('h' || i % 7), 'o' || i, 'booking-' || md5('b' || i)::uuid, 0, i, 'booking-requested.v1',
	CASE WHEN i % 2 = 0 THEN 'given_up' ELSE 'done' END, now() FROM generate_series(1, 20000) i;`

// askedLines are command lines of all commands that ask for a little. Those that look an account up by its name come before the first that
// changes something, as no node is there to show it. $ACCOUNT is the operator's account.
var askedLines = []string{
	"staff list", "account show 吴海", "token list", "token list 吴海", "media list", "media list --account 吴海", "deadletters list", "deadletters list review",
	"deadletters list tell_webhooks", "deadletters show listing 777", "replay account-$ACCOUNT", "calendar show", "migrate",
	"calendar due --submitted 2026-02-13T10:00:00+08:00 --days 2", "report turnaround", "prune",
	"staff add --name 陈静 --role reviewer --as $ACCOUNT",
	"account open --name 三亚某某物流有限公司 --uscc 91460200MA5TCL5M6Q --legal-representative 王一 --as $ACCOUNT",
	"account certify $ACCOUNT --name 三亚某某物流有限公司 --uscc 91460200MA5TCL5M6Q --legal-representative 王一 --as $ACCOUNT",
	"role grant $ACCOUNT --role auditor --as $ACCOUNT", "token issue $ACCOUNT --role auditor --as $ACCOUNT",
	"role revoke $ACCOUNT --role auditor --reason 调岗 --as $ACCOUNT", "token revoke 值班电脑 --reason 遗失 --as $ACCOUNT",
	"provider limit-pins $ACCOUNT --limit 1 --reason 试 --as $ACCOUNT", "provider lift-pin-limit $ACCOUNT --reason 试 --as $ACCOUNT",
	"deadletters retry listing product-1 --as $ACCOUNT", "deadletters skip listing product-1 --position 1 --reason 试 --as $ACCOUNT",
	"account close $ACCOUNT --reason 试 --as $ACCOUNT",
}

// whole are the commands that are about all there is.
var whole = map[string]string{
	"serve": "what a node asks is read by TestNoListGrowsWithTheLog", "seed": "it fills the log",
	"account list": "it lists all accounts", "account find": "it looks for parts of names in all accounts of the log",
	"rebuild": "it reads the log", "verify": "it reads the log", "copy": "it reads the log", "export": "it reads what it writes",
	"media collect": "it looks through all images", "media verify": "it reads all images", "media adopt": "it is about one row",
	"calendar correct": "it moves the cases that are open", "openapi": "it asks no database",
}

// TestNoCommandGrowsWithTheLog: whatever a command asks, it looks at a bounded number of rows. A new command is red until somebody has
// thought of it.
func TestNoCommandGrowsWithTheLog(t *testing.T) {
	env, pool := onDatabase(t)
	account := accountOf(t, env.command(t, "staff", "add", "--name", "吴海", "--role", "operator"))
	if _, err := pool.Exec(t.Context(), strings.ReplaceAll(sqlCrowd, "$ACCOUNT", account)); err != nil {
		t.Fatal(err)
	}
	env.command(t, "rebuild", "directory")
	if _, err := pool.Exec(t.Context(), `ANALYZE`); err != nil {
		t.Fatal(err)
	}
	parser, err := newParser(t.Context(), env.get, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(false) {
		name := strings.Join(strings.Fields(command.Path()), " ")
		if whole[name] == "" && !slices.ContainsFunc(askedLines, func(line string) bool { return line == name || strings.HasPrefix(line, name+" ") }) {
			t.Errorf("nobody knows whether %q grows with the log: say how it is asked", name)
		}
	}
	for _, line := range askedLines {
		before := looked(t, pool)
		var out bytes.Buffer
		// What is refused has been looked for, too.
		err := run(t.Context(), strings.Fields(strings.ReplaceAll(line, "$ACCOUNT", account)), env.get, &out)
		var rows int64
		var where []string
		after := looked(t, pool)
		for _, of := range slices.Sorted(maps.Keys(after)) {
			if n := after[of] - before[of]; n > 0 {
				rows, where = rows+n, append(where, fmt.Sprintf("%s: %d", of, n))
			}
		}
		t.Logf("%s: %d rows, %v", line, rows, err)
		if rows > fewRows {
			t.Errorf("%s looks at %d rows\n%s\n%.500s", line, rows, strings.Join(where, "\n"), out.String())
		}
	}
}

// looked are the rows of tables and the entries of indexes that sessions have looked at so far, once all but the test's own have ended.
func looked(t *testing.T, pool *pgxpool.Pool) map[string]int64 {
	t.Helper()
	eventually(t, "the end of the command's sessions", func() bool {
		var others int
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> ALL ($1)`, own(t, pool)).Scan(&others)
		if err != nil {
			t.Fatal(err)
		}
		return others == 0
	})
	rows, _ := pool.Query(t.Context(), `SELECT relid::regclass::text, coalesce(seq_tup_read, 0) FROM pg_stat_user_tables
		UNION ALL SELECT indexrelid::regclass::text, idx_tup_read FROM pg_stat_user_indexes`)
	all := map[string]int64{}
	var (
		of string
		n  int64
	)
	if _, err := pgx.ForEachRow(rows, []any{&of, &n}, func() error { all[of] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// own are the sessions of a pool.
func own(t *testing.T, pool *pgxpool.Pool) (pids []uint32) {
	t.Helper()
	for _, conn := range pool.AcquireAllIdle(t.Context()) {
		pids = append(pids, conn.Conn().PgConn().PID())
		conn.Release()
	}
	return pids
}

// accountOf is the account that a command says it has opened.
func accountOf(t *testing.T, out string) string {
	t.Helper()
	for line := range strings.Lines(out) {
		if id, ok := strings.CutPrefix(line, "account "); ok {
			return strings.TrimSpace(id)
		}
	}
	t.Fatalf("no account in %q", out)
	return ""
}
