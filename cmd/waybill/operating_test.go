package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/postgres/embedded"
)

// reader is somebody who types what a page says, in a folder of his own, with nothing in the environment but what the page sets.
type reader struct {
	t      *testing.T
	dir    string
	blocks []string
	set    string // what earlier blocks have set in the shell
	server *exec.Cmd
	ended  chan error
	log    logBuffer
}

func readPage(t *testing.T, page string) *reader {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the page needs bash")
	}
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, dir: onFolder(t)["WAYBILL_DATA_DIR"]}
	t.Cleanup(func() { // before the folder goes
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if r.server != nil {
			_ = r.server.Process.Kill()
			<-r.ended
		}
		if err := embedded.StopUnused(ctx, filepath.Join(r.dir, "var", "postgres"), 0); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(r.log.String())
		}
	})
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		r.blocks = append(r.blocks, block[1])
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(r.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(r.dir, "bin", "waybill")); err != nil {
		t.Fatal(err)
	}
	return r
}

// shell runs a script of bash.
func (r *reader) shell(script string) *exec.Cmd {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "bash", "-c", "set -euo pipefail\n"+r.set+"\n"+script)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=" + filepath.Join(r.dir, "bin") + ":/usr/bin:/bin", asProgram + "=1"}
	if _, err := cmd.StdinPipe(); err != nil { // the program of the tests ends with it
		r.t.Fatal(err)
	}
	return cmd
}

// types runs the block that begins so, each placeholder replaced in turn.
func (r *reader) types(begin string, placeholders ...string) string {
	r.t.Helper()
	for i, block := range r.blocks {
		if !strings.HasPrefix(block, begin) {
			continue
		}
		r.blocks[i] = "" // run
		for p := 0; p < len(placeholders); p += 2 {
			if !strings.Contains(block, placeholders[p]) {
				r.t.Fatalf("no %q in\n%s", placeholders[p], block)
			}
			block = strings.Replace(block, placeholders[p], placeholders[p+1], 1)
		}
		return r.run(block)
	}
	r.t.Fatalf("no block begins with %q", begin)
	return ""
}

func (r *reader) run(script string) string {
	r.t.Helper()
	out, err := r.shell(script).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

// serves starts a node as a person does.
func (r *reader) serves() {
	r.t.Helper()
	r.server, r.ended = r.shell("exec waybill serve"), make(chan error, 1)
	before := len(r.log.String())
	r.server.Stderr = &r.log
	if err := r.server.Start(); err != nil {
		r.t.Fatal(err)
	}
	server, ended := r.server, r.ended
	go func() { ended <- server.Wait() }()
	eventually(r.t, "it serves", func() bool {
		select {
		case err := <-ended:
			ended <- err
			r.t.Fatalf("serve: %v\n%s", err, r.log.String())
		default:
		}
		return servingURL.MatchString(r.log.String()[before:])
	})
}

func (r *reader) stops() {
	r.t.Helper()
	_ = r.server.Process.Signal(os.Interrupt)
	if err := <-r.ended; err != nil {
		r.t.Errorf("serve: %v", err)
	}
	r.server = nil
}

// sql asks the database, as an operator with psql would.
func (r *reader) sql(statement string) (answer string) {
	r.t.Helper()
	server, err := embedded.Start(r.t.Context(), embedded.Options{Dir: filepath.Join(r.dir, "var", "postgres"), Durable: true})
	if err != nil {
		r.t.Fatal(err)
	}
	defer server.Close()
	conn, err := pgx.Connect(r.t.Context(), server.URL())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(r.t.Context()))
	results, err := conn.PgConn().Exec(r.t.Context(), statement).ReadAll()
	if err != nil {
		r.t.Fatalf("%s: %v", statement, err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		answer = string(last.Rows[0][0])
	}
	return answer
}

// parked has an account opened that the read model directory cannot show, and returns its stream and position.
func (r *reader) parked(table, name, uscc string) (stream, position string) {
	r.t.Helper()
	r.sql(`ALTER TABLE ` + table + ` ADD CONSTRAINT refused CHECK (false) NOT VALID`)
	r.run(`waybill account open --name ` + name + ` --uscc ` + uscc + ` --legal-representative 王一 --as 吴海`)
	eventually(r.t, "a dead letter", func() bool {
		stream = r.sql(`SELECT coalesce(max(stream), '') FROM projections.dead_letters WHERE projection LIKE 'directory%'`)
		return stream != ""
	})
	position = r.sql(`SELECT min(position) FROM projections.dead_letters WHERE projection LIKE 'directory%'`)
	return stream, position
}

// TestOperatingAsWritten runs every command of docs/operating.md beside a node, with nothing set that the page does not set.
func TestOperatingAsWritten(t *testing.T) {
	t.Parallel()
	r := readPage(t, "operating.md")
	r.serves()
	r.types("waybill staff add --name 吴海",
		"certify ACCOUNT --name … --uscc … --legal-representative …", "certify 三亚某某物流有限公司 --name 三亚新某某物流有限公司 --uscc 91460200MA5TCL5M6Q --legal-representative 王一",
		"role grant ACCOUNT", "role grant 陈静",
		"role revoke ACCOUNT", "role revoke 陈静",
		"waybill token issue ACCOUNT", "waybill role grant 陈静 --role auditor --as 吴海\nwaybill token issue 陈静",
		"account close ACCOUNT", "account close 三亚某某物流有限公司",
		"account show ACCOUNT", "account show 陈静",
		"token list ACCOUNT", "token list 陈静")
	r.types("waybill rebuild listing")

	table := r.sql(`SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname LIKE 'directory%' AND tablename = 'accounts'`)
	first, position := r.parked(table, "停一", "91350100M000100Y43")
	r.types("waybill deadletters list",
		"show listing 1234", "show directory "+position,
		"waybill deadletters retry listing product-0192…", "# then",
		"waybill deadletters skip listing product-0192… --position 1234", "# then")
	r.sql(`ALTER TABLE ` + table + ` DROP CONSTRAINT refused`)
	r.run(`waybill deadletters retry directory ` + first + ` --as 吴海`)
	second, position := r.parked(table, "停二", "91460200MA5TBJ3K4Y")
	r.sql(`ALTER TABLE ` + table + ` DROP CONSTRAINT refused`)
	r.run(`waybill deadletters skip directory ` + second + ` --position ` + position + ` --reason "试" --as 吴海`)

	stream := r.sql(`SELECT stream FROM eventstore.events WHERE stream LIKE 'account-%' GROUP BY stream HAVING count(*) > 4 LIMIT 1`)
	last := r.sql(`SELECT max(position) FROM eventstore.events WHERE stream = '` + stream + `'`)
	r.types("waybill replay product-0192…",
		"product-0192…", stream, "product-0192…", stream, "product-0192…", stream, "--position 1042", "--position "+last,
		"product-0192…", stream, "2026-03-02T15:00:00+08:00", time.Now().UTC().Format(time.RFC3339Nano))
	r.types("waybill calendar show")
	if err := os.WriteFile(filepath.Join(r.dir, "typhoon.json"), []byte(example(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.types("waybill calendar correct")
	r.types("waybill prune")
	r.types("waybill media list", "三亚某某物流有限公司", "陈静")

	// The move, up to the nodes on the other store.
	target := esdbtest.Start(t).ConnectionString()
	move := ""
	for i, block := range r.blocks {
		if strings.HasPrefix(block, "export TARGET=") {
			move, r.blocks[i] = block, ""
		}
	}
	while, rest, stopped := strings.Cut(move, "# stop all nodes\n")
	rest, _, started := strings.Cut(rest, "# start the nodes")
	if !stopped || !started {
		t.Fatalf("the move is not what it was:\n%s", move)
	}
	while = strings.Replace(while, "esdb://user:password@es1:2113,es2:2113,es3:2113", target, 1)
	r.run(while)
	r.stops()
	r.set = fmt.Sprintf("export TARGET='%s'", target)
	r.run(rest)
	r.set += "\nexport WAYBILL_EVENTSTORE=\"$TARGET\""
	r.serves()
	r.run("waybill verify")
	r.types("waybill copy --from postgres --to env:TARGET --verify-only")
	r.stops()

	for _, block := range r.blocks {
		if block != "" {
			t.Errorf("nobody ran\n%s", block)
		}
	}
}
