package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

const (
	// administrator is the superuser that initdb makes. Nobody but this package and tests connects as it.
	administrator = "waybill"
	// role owns the database and may do nothing beyond it: not read files, not start programs, not change the server.
	role = "waybill_app"
)

// settle leaves the database with role, which owns it and all that is in it, and returns the role's password. A cluster of before there
// was such a role is handed over to it. The caller holds the start lock.
func (s *Server) settle(ctx context.Context) (string, error) {
	file := s.place.rolePassword()
	pass, err := os.ReadFile(file)
	known := err == nil && len(pass) > 0 // one that a full disk cut to nothing is made anew
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("embedded: %w", err)
	}
	if !known {
		pass = []byte(rand.Text())
	}
	conn, err := pgx.Connect(ctx, connString(s.port, administrator, s.pass, database))
	if err != nil {
		return "", fmt.Errorf("embedded: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var settled bool
	err = conn.QueryRow(ctx, `SELECT pg_get_userbyid(datdba) = $1 FROM pg_database WHERE datname = current_database()`, role).Scan(&settled)
	if err == nil && settled && known {
		return string(pass), nil
	}
	if err == nil && !known {
		err = replaceFile(file, string(pass))
	}
	if err == nil {
		// The password has letters and digits only. Statements are never in the server's log (settings).
		_, err = conn.Exec(ctx, handOver+`; ALTER ROLE `+role+` PASSWORD '`+string(pass)+`'`)
	}
	if err != nil {
		return "", fmt.Errorf("embedded: a role for the database: %w", err)
	}
	return string(pass), nil
}

// handOver makes the role and gives it what the administrator owns in the database. Several statements are one transaction.
const handOver = `DO $$
DECLARE
	change text;
BEGIN
	IF to_regrole('` + role + `') IS NULL THEN
		CREATE ROLE ` + role + ` LOGIN;
	END IF;
	FOR change IN
		SELECT format('SCHEMA %I', nspname) FROM pg_namespace
		WHERE nspowner = '` + administrator + `'::regrole AND nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
		UNION ALL
		-- A sequence that belongs to a column goes with its table.
		SELECT format('%s %s', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass) FROM pg_class c
		WHERE relowner = '` + administrator + `'::regrole AND relkind IN ('r', 'p', 'S') AND relnamespace::regnamespace::text !~ '^pg_'
			AND relnamespace <> 'information_schema'::regnamespace
			AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend d
				WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
	LOOP
		EXECUTE 'ALTER ' || change || ' OWNER TO ` + role + `';
	END LOOP;
	ALTER DATABASE ` + database + ` OWNER TO ` + role + `;
END $$`

func (p place) rolePassword() string { return filepath.Join(p.dir, "role-password") }
