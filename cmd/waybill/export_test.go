package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/adapters/postgres/pgtest"
)

// TestExportCommand: a file has its name when it is whole and recorded, and what is recorded is what it is; nothing else is left.
func TestExportCommand(t *testing.T) {
	t.Parallel()
	pool, _ := openDB(t)
	env := environ{"DATABASE_URL": pgtest.URL(pool), "WAYBILL_DATA_DIR": t.TempDir()}
	env.command(t, "seed", "--products=20", "--events=300")
	operator := idIn(t, env.command(t, "staff", "add", "--name=吴海", "--role=operator"))
	env.command(t, "staff", "add", "--name=审计员", "--role=auditor", "--as="+operator)
	env.command(t, "staff", "add", "--name=赵审", "--role=reviewer", "--as="+operator)
	env.command(t, "rebuild", "history")
	dir := t.TempDir()
	for _, format := range []string{"jsonl", "csv", "xlsx"} {
		to := filepath.Join(dir, "history."+format)
		env.command(t, "export", "--as=审计员", "--format="+format, "--kind=product", "--out="+to)
		file, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(file)
		var recorded int
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM eventstore.events WHERE type = 'history-exported.v1'
			AND convert_from(data, 'UTF8')::json ->> 'sha256' = $1`, hex.EncodeToString(sum[:])).Scan(&recorded); err != nil || recorded != 1 {
			t.Errorf("%s is recorded %d times, %v", format, recorded, err)
		}
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"export", "--as=审计员", "--type=product-submitted.v1", "--format=jsonl"}, env.get, &out); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "history.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if !strings.Contains(line, `"type":"product-submitted.v1"`) || !bytes.Contains(whole, []byte(line)) {
			t.Errorf("%s", line)
		}
	}
	for args, want := range map[string]string{
		"--as=赵审":                                                        "not an auditor's account",
		"--as=审计员 --type=nothing.v1":                                     "no type",
		"--as=审计员 --as-of=999999999":                                     "does not show this position",
		"--as=审计员 --as-of=yesterday":                                     "must be a position",
		"--as=审计员 --stream=product":                                      "--stream",
		"--as=审计员 --to-day=2026-02-30":                                   "to-day",
		"--as=审计员 --format=pdf":                                          "format",
		"--as=审计员 --kind=products":                                       "--kind",
		"--as=审计员 --role=boss":                                           "--role",
		"--as=审计员 --request-id=":                                         "--request-id is empty",
		"--as=审计员 --text=\u3000":                                         "--text is empty",
		"--as=审计员 --as-of=":                                              "--as-of is empty",
		"--as=审计员 --out=/nowhere/at/all":                                 "--out",
		"--as=审计员 --out=" + dir:                                          "is there already",
		"--as=审计员 --out=" + filepath.Join(dir, "history.csv"):            "is there already",
		"--as=审计员 --from=2026-01-02T00:00:00Z --to=2026-01-01T00:00:00Z": "ends before it begins",
	} {
		err := run(t.Context(), append([]string{"export"}, strings.Fields(args)...), env.get, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
	beyond := []string{"replay", "account-" + operator, "--position=999999999"}
	if err := run(t.Context(), beyond, env.get, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "the log ends at position") {
		t.Errorf("a replay beyond the log: %v", err)
	}
	if again, err := os.ReadFile(filepath.Join(dir, "history.jsonl")); err != nil || !bytes.Equal(again, whole) {
		t.Errorf("an export was written over: %v", err)
	}
	// What is there already stays what it is, and no file is recorded that nobody has.
	count := func() (n int) {
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM eventstore.events WHERE type = 'history-exported.v1'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, link := count(), filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	for _, there := range []string{dir, filepath.Join(dir, "history.csv"), link} {
		err := run(t.Context(), []string{"export", "--as=审计员", "--kind=account", "--out=" + there}, env.get, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), "there already") {
			t.Errorf("%s: %v", there, err)
		}
	}
	if to, err := os.Readlink(link); err != nil || to != os.DevNull || count() != before {
		t.Errorf("the link leads to %q, %v; %d exports are recorded, %d were", to, err, count(), before)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 3 {
		t.Errorf("%v, %v", left, err)
	}
}
