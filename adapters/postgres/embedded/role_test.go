package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"waybill/adapters/postgres/embedded"
)

// TestTheRoleOwnsTheDatabaseAndNothingElse: what reaches the database through Waybill reaches neither the server nor the machine.
func TestTheRoleOwnsTheDatabaseAndNothingElse(t *testing.T) {
	s := start(t, embedded.Options{Dir: volatile.copy(t)})
	if got, err := ask(t.Context(), s.URL(), `CREATE SCHEMA s; CREATE TABLE s.t (id serial); INSERT INTO s.t DEFAULT VALUES; SELECT 'done'`); err != nil {
		t.Errorf("what its database needs: %s %v", got, err)
	}
	for _, refused := range []string{
		`ALTER SYSTEM SET log_statement = 'all'`,
		`COPY (SELECT 1) TO PROGRAM 'cat'`,
		`SELECT pg_read_file('PG_VERSION')`,
		`CREATE ROLE another`,
		`CREATE DATABASE another`,
		`ALTER ROLE waybill_app SUPERUSER`,
		`SET ROLE waybill`,
		`SELECT rolpassword FROM pg_authid`,
	} {
		_, err := ask(t.Context(), s.URL(), refused)
		var pgErr *pgconn.PgError
		if !errors.As(err, &pgErr) || pgErr.Code != "42501" {
			t.Errorf("%s: %v", refused, err)
		}
	}
}

// TestAnOlderClusterIsHandedOver: one whose database the superuser owns, with all that is in it.
func TestAnOlderClusterIsHandedOver(t *testing.T) {
	dir := volatile.copy(t)
	s := start(t, embedded.Options{Dir: dir})
	_, err := ask(t.Context(), s.AdminURL(), `REASSIGN OWNED BY waybill_app TO waybill; DROP ROLE waybill_app;
		CREATE SCHEMA "an Older one"; SET search_path = "an Older one";
		CREATE TABLE t (id bigserial PRIMARY KEY, whole json); CREATE INDEX ON t (id); INSERT INTO t DEFAULT VALUES;
		CREATE TABLE parts (id bigint GENERATED ALWAYS AS IDENTITY, at date) PARTITION BY RANGE (at);
		CREATE TABLE part PARTITION OF parts DEFAULT; CREATE SEQUENCE alone; SELECT 'done'`)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), os.Remove(filepath.Join(dir, "role-password"))); err != nil {
		t.Fatal(err)
	}
	s = start(t, embedded.Options{Dir: dir})
	got, err := ask(t.Context(), s.URL(), `SET search_path = "an Older one"; INSERT INTO t DEFAULT VALUES; ALTER TABLE t ADD more int;
		INSERT INTO parts (at) VALUES ('2026-01-01'); DROP TABLE part; DROP SEQUENCE alone; CREATE TABLE another ();
		SELECT count(*)::text FROM t`)
	if err != nil || got != "2" {
		t.Fatalf("%q, %v", got, err)
	}
	// Found settled, also when only the password was lost.
	for _, lose := range []bool{false, true} {
		before := s.URL()
		err := s.Close()
		if lose {
			err = errors.Join(err, os.Remove(filepath.Join(dir, "role-password")))
		}
		if err != nil {
			t.Fatal(err)
		}
		s = start(t, embedded.Options{Dir: dir})
		if _, err := ask(t.Context(), s.URL(), `SELECT 'x'`); err != nil || (s.URL() == before) == lose {
			t.Errorf("lost %v: %v", lose, err)
		}
	}
}
