package main

import (
	"net/url"
	"strings"
	"testing"

	"waybill/adapters/postgres/pgtest"
)

// written revises the application until that works, and reads it.
func (r *replicated) written(address string) {
	r.t.Helper()
	var position string
	eventually(r.t, "a write of "+address, func() bool {
		status, header, got := r.do("PUT", application, "", strings.Replace(applicationBody, "ADDRESS", address, 1))
		if status >= 300 && status != 503 && status != 500 {
			r.t.Fatalf("PUT: %d %v", status, got)
		}
		position = header.Get("Waybill-Position")
		return status < 300
	})
	r.reads(position, address)
}

// TestReadOnlySessions are those of a database that was read-only when they began. Nobody has to end them when it is not any more.
func TestReadOnlySessions(t *testing.T) {
	t.Parallel()
	env, pool := onDatabase(t)
	r := &replicated{t: t, env: env}
	r.begin("one")
	r.write("POST", "海南省三亚市一号")
	alter := func(how string) {
		t.Helper()
		name := pool.Config().ConnConfig.Database
		if _, err := pool.Exec(t.Context(), `ALTER DATABASE "`+name+`" `+how); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range []string{"海南省三亚市二号", "海南省三亚市三号"} {
		alter(`SET default_transaction_read_only = on`)
		if _, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		eventually(t, "/readyz telling that writes do not go", func() bool {
			status, _, got := r.do("GET", "/readyz", "", "")
			return status == 503 && got["code"] == "not_ready"
		})
		status, _, got := r.do("PUT", application, "", strings.Replace(applicationBody, "ADDRESS", address, 1))
		if status != 503 || got["code"] != "unavailable" {
			t.Errorf("a write: %d %v", status, got)
		}
		shows := func(figure string) {
			t.Helper()
			eventually(t, "waybill_database_writable "+figure, func() bool {
				_, body := probed(t, r.node.admin+"/metrics")
				return strings.Contains(body, "\nwaybill_database_writable "+figure+"\n")
			})
		}
		eventually(t, "/readyz saying read_only", func() bool {
			_, body := probed(t, r.node.admin+"/readyz")
			return strings.Contains(body, "read_only")
		})
		shows("0")
		alter(`RESET default_transaction_read_only`)
		r.written(address)
		r.ready()
		shows("1")
	}
	r.node.interrupt()
}

// TestFailover has the standby promoted, and what was the primary come back as a standby. The connection string names both.
func TestFailover(t *testing.T) {
	t.Parallel()
	pg := pgtest.Replicate(t, migrate)
	both, err := url.Parse(pg.Primary)
	if err != nil {
		t.Fatal(err)
	}
	other, err := url.Parse(pg.Standby)
	if err != nil {
		t.Fatal(err)
	}
	both.Host += "," + other.Host
	query := both.Query()
	query.Set("target_session_attrs", "read-write")
	both.RawQuery = query.Encode()
	r := &replicated{t: t, env: environ{"DATABASE_URL": both.String(), "WAYBILL_ADDR": "127.0.0.1:0", "WAYBILL_DATA_DIR": t.TempDir()}}
	r.begin("one")
	at := r.write("POST", "海南省三亚市一号")
	r.reads(at, "一号")
	eventually(t, "all of it on the standby", func() bool {
		pool, err := openPool(t.Context(), pg.Standby, 1)
		if err != nil {
			return false
		}
		defer pool.Close()
		var same bool
		err = pool.QueryRow(t.Context(), `SELECT coalesce(max(position), 0) >= $1 FROM eventstore.events`, at).Scan(&same)
		return err == nil && same
	})
	pg.OnStandby(`SELECT pg_promote()`)
	pg.Demote()
	r.written("海南省三亚市二号")
	r.ready()
	r.node.interrupt()
}
