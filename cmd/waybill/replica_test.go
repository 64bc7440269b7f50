package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	nethttp "net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain/media"
)

// replicated is a server that reads from a standby.
type replicated struct {
	t     *testing.T
	pg    *pgtest.Replicated
	env   environ
	node  *node
	token string
}

func newReplicated(t *testing.T) *replicated {
	t.Helper()
	r := &replicated{t: t, pg: pgtest.Replicate(t, migrate)}
	r.env = environ{
		"DATABASE_URL": r.pg.Primary, "WAYBILL_READ_DATABASE_URL": r.pg.Standby, "WAYBILL_ADDR": "127.0.0.1:0",
		"WAYBILL_READ_WAIT": "400ms", "WAYBILL_DATA_DIR": t.TempDir(),
	}
	r.begin("reader")
	return r
}

// begin starts the node, and opens an account whose token the requests carry.
func (r *replicated) begin(name string) {
	r.t.Helper()
	t := r.t
	r.node = startNode(t, name, r.env)
	var out bytes.Buffer
	first := []string{"staff", "add", "--name", "吴海", "--role", "operator"}
	if err := run(t.Context(), first, r.env.get, &out); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	open := []string{"account", "open", "--name", "三亚副本物流有限公司", "--uscc", "91460200MA5TBJ3K4Y", "--legal-representative", "邢小雨", "--as", "吴海"}
	if err := run(t.Context(), open, r.env.get, &out); err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(out.String())
	for i, field := range fields {
		if field == "token" {
			r.token = fields[i+1]
		}
	}
	if r.token == "" {
		t.Fatalf("no token in %q", out.String())
	}
	u := &uploader{t: t, client: nethttp.DefaultClient, token: r.token}
	u.url.Store(&r.node.url)
	u.upload(t.Context(), "licence", samples()[media.Licence], "licence")
	u.upload(t.Context(), "logo", samples()[media.Logo], "logo")
}

// do sends a request with the account's token and, when it is not empty, a position.
func (r *replicated) do(method, path, position, body string) (status int, header nethttp.Header, got map[string]any) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	request, err := nethttp.NewRequestWithContext(ctx, method, r.node.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	request.Header.Set("Accept-Language", "en")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if position != "" {
		request.Header.Set("Waybill-Position", position)
	}
	response, err := nethttp.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		r.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, raw)
	}
	return response.StatusCode, response.Header, got
}

const application = "/api/v1/provider/application"

// applicationBody is one with an ADDRESS to put in.
var applicationBody = `{"type":"logistics", "name":"三亚副本物流有限公司", "uscc":"91460200MA5TBJ3K4Y",
	"licence":"` + string(image(media.Licence)) + `", "legal_representative":"邢小雨",
	"logo":"` + string(image(media.Logo)) + `", "contact":"邢小雨",
	"address":"ADDRESS", "phone":"0898-88651234", "introduction":"产地直采，全程冷链。"}`

// write applies, or revises the application, and returns the position.
func (r *replicated) write(method, address string) string {
	r.t.Helper()
	status, header, got := r.do(method, application, "", strings.Replace(applicationBody, "ADDRESS", address, 1))
	if status >= 300 {
		r.t.Fatalf("%s: %d %v", method, status, got)
	}
	return header.Get("Waybill-Position")
}

// refused reads with a position and expects 503 with a code. Where that is read_model_behind it tries again while the
// replica says nothing in time, which is unavailable: a busy machine takes longer.
func (r *replicated) refused(position, code string) {
	r.t.Helper()
	eventually(r.t, "an answer of the replica", func() bool {
		status, header, got := r.do("GET", application, position, "")
		if status == 503 && got["code"] == "unavailable" && code == "read_model_behind" {
			return false
		}
		if status != 503 || got["code"] != code || header.Get("Retry-After") == "" {
			r.t.Errorf("read at %q: %d %v, want 503 %s", position, status, got, code)
		}
		return true
	})
}

// reads expects a read to succeed, and an address in what it shows. It tries again while it is refused with 503, as a
// client does.
func (r *replicated) reads(position, address string) {
	r.t.Helper()
	var (
		status int
		got    map[string]any
	)
	eventually(r.t, "the replica at "+position, func() bool {
		status, _, got = r.do("GET", application, position, "")
		return status != 503
	})
	shown, _ := json.Marshal(got)
	if status != 200 || !strings.Contains(string(shown), address) {
		r.t.Errorf("read at %q: %d %s, want %s in it", position, status, shown, address)
	}
}

// unready waits until /readyz refuses and says why.
func (r *replicated) unready(want string) {
	r.t.Helper()
	eventually(r.t, "/readyz saying: "+want, func() bool {
		status, _, got := r.do("GET", "/readyz", "", "")
		detail, _ := got["detail"].(string)
		return status == 503 && got["code"] == "not_ready" && strings.Contains(detail, want)
	})
}

func (r *replicated) ready() {
	r.t.Helper()
	eventually(r.t, "/readyz", func() bool {
		status, _, _ := r.do("GET", "/readyz", "", "")
		return status == 200
	})
}

// TestReadReplica drives a server whose queries go to a real streaming standby, through what happens to standbys.
func TestReadReplica(t *testing.T) {
	t.Parallel()
	r := newReplicated(t)
	r.ready()
	r.reads(r.write("POST", "海南省三亚市一号"), "一号")
	t.Run("many readers at once", func(t *testing.T) {
		at := r.write("PUT", "海南省三亚市二号")
		var readers sync.WaitGroup
		for range 20 {
			readers.Go(func() { r.reads(at, "二号") })
		}
		readers.Wait()
	})
	t.Run("far behind", func(t *testing.T) {
		r.pg.OnStandby(`SELECT pg_wal_replay_pause()`)
		at := r.write("PUT", "海南省三亚市三号")
		r.refused(at, "read_model_behind")
		r.reads("", "二号") // whoever names no position gets what there is
		r.pg.OnStandby(`SELECT pg_wal_replay_resume()`)
		r.reads(at, "三号")
	})
	t.Run("away", func(t *testing.T) {
		r.pg.StopStandby()
		r.unready("the read replica is not available")
		at := r.write("PUT", "海南省三亚市四号") // commands need no replica
		r.refused(at, "unavailable")
		r.refused("", "unavailable")
		second := startNode(t, "second", r.env) // nor does a start
		second.interrupt()
		r.pg.StartStandby()
		eventually(t, "a read from the standby", func() bool {
			status, _, _ := r.do("GET", application, at, "")
			return status == 200
		})
		r.reads(at, "四号")
		r.ready()
	})
	t.Run("not what it should be", func(t *testing.T) { r.refusesAtStart(t) })
	t.Run("promoted", func(t *testing.T) {
		r.pg.OnStandby(`SELECT pg_promote()`)
		r.unready("the read replica is not available")
		r.refused(r.write("PUT", "海南省三亚市五号"), "unavailable")
		r.refused("", "unavailable") // it goes its own way now
		r.starts(t, r.env, "it is no standby")
	})
}

// refusesAtStart starts on databases that are no standby of the primary.
func (r *replicated) refusesAtStart(t *testing.T) {
	t.Helper()
	with := func(name, value string) environ {
		env := environ{}
		for k, v := range r.env {
			env[k] = v
		}
		env[name] = value
		return env
	}
	stranger := pgtest.URL(pgtest.Database(t, "waybill", migrate))
	elsewhere := strings.Replace(r.pg.Standby, "/waybill?", "/postgres?", 1)
	nobody := strings.Replace(r.pg.Standby, "waybill_app:", "waybill_app:sesame", 1)
	r.starts(t, with("WAYBILL_READ_DATABASE_URL", r.pg.Primary), "it is no standby")
	r.starts(t, with("WAYBILL_READ_DATABASE_URL", elsewhere), "it is another database of the same cluster")
	r.starts(t, with("DATABASE_URL", stranger), "it is a standby of another cluster")
	r.starts(t, with("WAYBILL_READ_DATABASE_URL", nobody), "password authentication failed")
}

// starts expects serve to end with an error that names the variable and says why, without the password.
func (r *replicated) starts(t *testing.T, env environ, why string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := run(ctx, []string{"serve"}, env.get, io.Discard)
	if err == nil {
		t.Fatalf("it started; want: %s", why)
	}
	config, parse := pgxpool.ParseConfig(env["WAYBILL_READ_DATABASE_URL"])
	if parse != nil {
		t.Fatal(parse)
	}
	if said := err.Error(); !strings.Contains(said, "WAYBILL_READ_DATABASE_URL") || !strings.Contains(said, why) ||
		strings.Contains(said, config.ConnConfig.Password) {
		t.Errorf("got %q, want %q", said, why)
	}
}
