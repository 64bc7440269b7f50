package docs

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/adapters/postgres/embedded"
)

// needPrograms skips a test where PostgreSQL's own programs are missing; the server alone is not enough for a backup.
func needPrograms(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_basebackup")
	if _, missing := exec.LookPath("psql"); err == nil && len(found) > 0 && missing == nil {
		return
	}
	if os.Getenv("WAYBILL_TEST_FAULTS") != "" {
		t.Fatal("pg_basebackup or psql is missing: install Debian's package postgresql")
	}
	t.Skip("needs pg_basebackup and psql, of Debian's package postgresql")
}

// archiving is a server that archives its log, as primary.conf has it.
type archiving struct {
	t      *testing.T
	dir    string // everybody may enter it
	server *embedded.Server
	wal    string
}

func archive(t *testing.T) *archiving {
	t.Helper()
	needPrograms(t)
	a := &archiving{t: t, dir: scratch(t)}
	a.wal = filepath.Join(a.dir, "wal")
	if err := os.Mkdir(a.wal, 0o700); err != nil {
		t.Fatal(err)
	}
	a.start("db")
	a.serversOwn(a.wal)
	a.ask(`ALTER SYSTEM SET archive_mode = on`)
	a.ask(`ALTER SYSTEM SET archive_command = '` + a.archiveTo(a.wal) + `'`)
	if err := a.server.Close(); err != nil {
		t.Fatal(err)
	}
	a.start("db")
	return a
}

func (a *archiving) start(name string) {
	a.t.Helper()
	server, err := embedded.Start(a.t.Context(), embedded.Options{Dir: filepath.Join(a.dir, name), Durable: true})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = server.Close() })
	a.server = server
}

func (a *archiving) ask(sql string) (answer string) {
	a.t.Helper()
	conn, err := pgx.Connect(a.t.Context(), a.server.AdminURL())
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(a.t.Context()))
	results, err := conn.PgConn().Exec(a.t.Context(), sql).ReadAll()
	if err != nil {
		a.t.Fatalf("%s: %v", sql, err)
	}
	if last := results[len(results)-1]; len(last.Rows) > 0 {
		answer = string(last.Rows[0][0])
	}
	return answer
}

// archiveTo is primary.conf's archive_command with another folder.
func (a *archiving) archiveTo(folder string) string {
	a.t.Helper()
	command := pgSettings(a.t, "docs/deploy/postgres/primary.conf")["archive_command"]
	if !strings.Contains(command, "/var/backups/wal/") {
		a.t.Fatalf("archive_command is %s", command)
	}
	return strings.ReplaceAll(command, "/var/backups/wal", folder)
}

// takesWrites waits for the end of a restore.
func (a *archiving) takesWrites() {
	a.t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); a.ask(`SELECT pg_is_in_recovery()`) != "f"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.t.Fatal("the restored server takes no writes")
		}
	}
}

// TestArchiveCommand: a server that crashed before it noted that a file is archived brings it again, and must get on; another file of the
// same name is never overwritten.
func TestArchiveCommand(t *testing.T) {
	t.Parallel()
	a := &archiving{t: t, dir: scratch(t)}
	writeFiles(t, a.dir, map[string]string{"pg_wal/1": "one", "archive/2": "another"})
	run := func(file string) error {
		command := strings.NewReplacer("%p", "pg_wal/"+file, "%f", file).Replace(a.archiveTo(filepath.Join(a.dir, "archive")))
		c := exec.Command("sh", "-c", command)
		c.Dir = a.dir
		return c.Run()
	}
	for range 2 {
		if err := run("1"); err != nil {
			t.Error(err)
		}
	}
	if found, err := os.ReadFile(filepath.Join(a.dir, "archive", "1")); string(found) != "one" || err != nil {
		t.Errorf("archived %q, %v", found, err)
	}
	writeFiles(t, a.dir, map[string]string{"pg_wal/2": "two"})
	if err := run("2"); err == nil {
		t.Error("another file was overwritten, or passed for this one")
	}
}

// owner is the user that the server runs as.
func (a *archiving) owner() uint32 {
	a.t.Helper()
	info, err := os.Stat(filepath.Join(a.dir, "db", "data"))
	if err != nil {
		a.t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid
}

func (a *archiving) serversOwn(path string) {
	a.t.Helper()
	if err := os.Chown(path, int(a.owner()), -1); err != nil {
		a.t.Fatal(err)
	}
}

// client is the environment of a client, with the password in a file of its own.
func (a *archiving) client(user uint32, umask string) *bare {
	a.t.Helper()
	b := bareAs(a.t, user, umask)
	u, err := url.Parse(a.server.AdminURL())
	if err != nil {
		a.t.Fatal(err)
	}
	password, _ := u.User.Password()
	file := b.write("pgpass", "*:*:*:*:"+password+"\n")
	b.env = []string{"PGHOST=" + u.Hostname(), "PGPORT=" + u.Port(), "PGUSER=" + u.User.Username(), "PGPASSFILE=" + file}
	return b
}

// archived waits until everything written so far is in the archive.
func (a *archiving) archived() {
	a.t.Helper()
	file := a.ask(`SELECT pg_walfile_name(pg_switch_wal())`)
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(a.wal, file)); err == nil {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("%s is not archived: %s", file, a.ask(`SELECT last_failed_wal FROM pg_stat_archiver`))
		}
	}
}

// place makes the folder of another server, with all but the data.
func (a *archiving) place(name string) (data string) {
	a.t.Helper()
	for _, file := range []string{"password", "role-password"} {
		content, err := os.ReadFile(filepath.Join(a.dir, "db", file))
		if err != nil {
			a.t.Fatal(err)
		}
		writeFiles(a.t, filepath.Join(a.dir, name), map[string]string{file: string(content)})
		a.serversOwn(filepath.Join(a.dir, name, file))
	}
	data = filepath.Join(a.dir, name, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		a.t.Fatal(err)
	}
	a.serversOwn(data)
	return data
}

// TestFaultPostgresBackup takes base backups of a server that is written to, loses it, and restores it: to the end, and to a moment.
func TestFaultPostgresBackup(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, user uint32, umask string) {
		t.Parallel()
		a := archive(t)
		a.ask(`CREATE TABLE kept AS SELECT 'one' AS v`)
		b := a.client(user, umask)
		backups := filepath.Join(b.folder("of many"), odd)
		backup := strings.TrimSpace(b.must("postgres/backup.sh", backups))
		if info, err := os.Stat(backup); err != nil || info.Mode().Perm()&0o077 != 0 || !strings.HasPrefix(backup, backups) {
			t.Fatalf("%q: %v %v", backup, info, err)
		}
		a.ask(`INSERT INTO kept VALUES ('two')`)
		moment := a.ask(`SELECT clock_timestamp()::timestamptz(3)`)
		a.ask(`SELECT pg_sleep(0.01); INSERT INTO kept VALUES ('three')`)
		a.archived()
		if err := a.server.Close(); err != nil {
			t.Fatal(err)
		}

		// In the disaster: where the server will run, as its user, or as root.
		wal := filepath.Join(a.dir, "wal of "+odd)
		if err := os.Rename(a.wal, wal); err != nil {
			t.Fatal(err)
		}
		r := bareAs(t, a.owner(), umask)
		if user == 0 {
			r.user, r.env = 0, []string{"OWNER=" + map[bool]string{true: "postgres", false: "nobody"}[a.owner() != nobody]}
		}
		if os.Geteuid() == 0 { // the administrator brings it there
			for _, path := range []string{filepath.Dir(backups), backups} {
				if err := os.Chmod(path, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := exec.Command("chmod", "-R", "a+rX", backup, b.dir).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		for _, c := range []struct{ name, time, want string }{{"end", "", "one two three"}, {"moment", moment, "one two"}} {
			data := a.place(c.name)
			args := []string{backup, data, wal}
			if c.time != "" {
				args = append(args, c.time)
			}
			r.must("postgres/restore.sh", args...)
			r.refused("is not empty", "postgres/restore.sh", args...)
			a.start(c.name)
			a.takesWrites()
			if got := a.ask(`SELECT string_agg(v, ' ') FROM kept`); got != c.want {
				t.Errorf("restored to the %s: %s, want %s", c.name, got, c.want)
			}
			if err := a.server.Close(); err != nil {
				t.Fatal(err)
			}
		}

		// A backup of the restored server holds what that restore said of where to stop. In the next disaster it counts for nothing.
		a.wal = filepath.Join(a.dir, "archive")
		if err := os.Symlink(wal, a.wal); err != nil {
			t.Fatal(err)
		}
		a.start("moment")
		a.ask(`ALTER SYSTEM SET archive_command = '` + a.archiveTo(a.wal) + `'`)
		a.ask(`SELECT pg_reload_conf()`)
		b = a.client(user, umask)
		again := strings.TrimSpace(b.must("postgres/backup.sh", b.folder("again")))
		a.ask(`INSERT INTO kept VALUES ('four')`)
		a.archived()
		if err := a.server.Close(); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 {
			if out, err := exec.Command("chmod", "-R", "a+rX", b.dir).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		r.must("postgres/restore.sh", again, a.place("once more"), wal)
		a.start("once more")
		a.takesWrites()
		if got := a.ask(`SELECT string_agg(v, ' ') FROM kept`); got != "one two four" {
			t.Errorf("restored once more: %s", got)
		}

		data := a.place("refused")
		r.refused("no folder", "postgres/restore.sh", backup, data, wal+"2")
		r.refused("want a time", "postgres/restore.sh", backup, data, wal, "yesterday'")
		r.refused("never finished", "postgres/restore.sh", backup+".partial", data, wal)
		r.refused("no base backup", "postgres/restore.sh", backups, data, wal)
		writeFiles(t, a.dir, map[string]string{"older/PG_VERSION": "14\n"})
		if err := os.Chmod(filepath.Join(a.dir, "older", "PG_VERSION"), 0o644); err != nil {
			t.Fatal(err)
		}
		r.refused("postgresql-14", "postgres/restore.sh", filepath.Join(a.dir, "older"), data, wal)
		if err := os.Truncate(filepath.Join(backup, "global", "pg_control"), 100); err != nil {
			t.Fatal(err)
		}
		r.refused("is damaged", "postgres/restore.sh", backup, data, wal)
		if left := names(t, data); left != nil {
			t.Errorf("a refusal left %q", left)
		}
	})
}

// TestFaultPostgresBackupThatFails leaves nothing behind, says why, and takes no older backup away.
func TestFaultPostgresBackupThatFails(t *testing.T) {
	t.Parallel()
	a := archive(t)
	eachUser(t, func(t *testing.T, user uint32, umask string) {
		a := &archiving{t: t, dir: a.dir, server: a.server}
		b := a.client(user, umask)
		backups := b.folder("backups")
		b.folder("backups/20260101T000000Z.partial/base")
		b.give(filepath.Join(backups, "20260101T000000Z.partial"))
		b.folder("backups/20260101T000000Z")
		out, said, err := b.run("postgres/backup.sh", backups, "2")
		first := filepath.Base(strings.TrimSpace(out))
		if err != nil || !strings.Contains(said, "removed "+backups+"/20260101T000000Z.partial") {
			t.Fatalf("%v\n%s%s", err, out, said)
		}
		if found := names(t, backups); !slices.Equal(found, []string{"20260101T000000Z", first}) {
			t.Errorf("after the first: %q", found)
		}
		second := filepath.Base(strings.TrimSpace(b.must("postgres/backup.sh", backups, "2")))
		if found := names(t, backups); !slices.Equal(found, []string{first, second}) || first == second {
			t.Errorf("after the second, of which two are kept: %q", found)
		}

		b.refused("KEEP=0", "postgres/backup.sh", backups, "0")
		b.refused("KEEP=-1", "postgres/backup.sh", backups, "-1")
		env := b.env
		b.env = append(slices.Clone(env), "PGPORT=1")
		b.refused("is it up", "postgres/backup.sh", backups, "1")
		// Programs of another version, which somebody named, and none that are ours elsewhere but for a backup's check.
		other := b.folder("other")
		for _, name := range []string{"pg_basebackup", "pg_verifybackup", "pg_waldump"} {
			path := b.write("other/"+name, "#!/bin/sh\necho \"$0 (PostgreSQL) 99.1\"\n")
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		b.env = append(slices.Clone(env), "PGBIN="+other)
		third := filepath.Base(strings.TrimSpace(b.must("postgres/backup.sh", backups, "2")))
		b.env = env

		letGo := hold(t, backups)
		b.refused("another run", "postgres/backup.sh", backups)
		letGo()
		if found := names(t, backups); !slices.Equal(found, []string{second, third}) {
			t.Errorf("failures left %q", found)
		}

		// Stopped in the middle by the one who started it.
		cmd := b.command("postgres/backup.sh", backups)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Minute); len(names(t, backups)) < 3 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		if err := cmd.Wait(); err == nil {
			t.Log("it had ended before it was stopped")
		} else if found := names(t, backups); !slices.Equal(found, []string{second, third}) {
			t.Errorf("a stopped run left %q", found)
		}
	})
	t.Run("disk full", func(t *testing.T) {
		a := &archiving{t: t, dir: a.dir, server: a.server}
		b := a.client(0, "022")
		full := b.folder("full")
		small(t, full, 16)
		b.folder("full/20260101T000000Z")
		b.refused("no backup was taken", "postgres/backup.sh", full, "1")
		if found := names(t, full); !slices.Equal(found, []string{"20260101T000000Z"}) {
			t.Errorf("left %q", found)
		}
		backup := strings.TrimSpace(b.must("postgres/backup.sh", b.folder("room")))
		b.refused("could not be copied", "postgres/restore.sh", backup, b.folder("full/data"), a.dir)
		if found := names(t, filepath.Join(full, "data")); found != nil {
			t.Errorf("left %q", found)
		}
	})
}
