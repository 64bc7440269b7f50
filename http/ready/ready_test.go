package ready_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/http/admin"
	"waybill/http/ready"
	"waybill/projections/runtime"
)

// models is a Status that says what it was told to.
type models struct {
	all []runtime.Status
	err error
}

func (m models) Status(context.Context) ([]runtime.Status, error) { return m.all, m.err }

func at(lag time.Duration) models {
	return models{all: []runtime.Status{{Name: "listing", Lag: lag, Holder: "node-1"}, {Name: "extra", Lag: time.Hour}}}
}

// TestParts of a node, each in its states; the report for strangers names nothing, the one for operators does.
func TestParts(t *testing.T) {
	away := models{err: errors.New("dial host-7")}
	log := func(state string, why error) func() (string, error) {
		return func() (string, error) { return state, why }
	}
	for name, c := range map[string]struct {
		models, replica ready.Status
		want            string
		names           string
		log             func() (string, error)
	}{
		"all well":          {at(0), nil, "database ok, read_models ok", "", nil},
		"with a replica":    {at(ready.MaxLag), at(0), "database ok, read_models ok, read_replica ok", "", nil},
		"behind":            {at(ready.MaxLag + 1), at(0), "database ok, read_models behind, read_replica ok", "listing", nil},
		"missing":           {models{}, nil, "database ok, read_models behind", "listing", nil},
		"a replica behind":  {at(0), at(time.Minute), "database ok, read_models ok, read_replica behind", "listing", nil},
		"a replica away":    {at(0), away, "database ok, read_models ok, read_replica unavailable", "host-7", nil},
		"the database away": {away, at(0), "database unavailable", "host-7", nil},
		"a log elsewhere":   {at(0), at(0), "database ok, read_models ok, read_replica ok, event_store ok", "", log(ready.OK, nil)},
		"it is away":        {at(0), at(0), "event_store unavailable", "host-8", log(ready.Unavailable, errors.New("dial host-8"))},
		"it refuses":        {away, nil, "event_store refused", "host-8", log(ready.Refused, errors.New("host-8: denied"))},
		"it went just now": {
			models{err: fmt.Errorf("host-8: %w", domain.ErrUnavailable)}, nil, "event_store unavailable", "host-8", log(ready.OK, nil),
		},
		"it refuses since just now": {
			models{err: fmt.Errorf("host-8: %w", domain.ErrRefused)}, nil, "event_store refused", "host-8", log(ready.OK, nil),
		},
		"and the database": {away, nil, "database unavailable, event_store ok", "host-7", log(ready.OK, nil)},
		"of another log": {
			models{all: []runtime.Status{{Name: "listing"}, {Name: "extra", AnotherLog: true}}},
			nil,
			"database ok, read_models another_log", "extra", nil,
		},
		"a replica of another log": {
			at(0),
			models{all: []runtime.Status{{Name: "listing", AnotherLog: true, Lag: time.Hour}}},
			"database ok, read_models ok, read_replica another_log", "listing", nil,
		},
	} {
		checker := ready.Checker{Models: c.models, Replica: c.replica, Log: c.log, Needed: []string{"listing"}}
		report := checker.Check(t.Context())
		var got, details, texts []string
		for _, p := range report.Parts {
			got, details, texts = append(got, p.Name+" "+p.State), append(details, p.Detail), append(texts, p.Text.EN+p.Text.ZH)
			if (p.State == ready.OK) != (p.Text.EN == "" && p.Text.ZH == "" && p.Detail == "") {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if strings.Join(got, ", ") != c.want || report.Ready() != (c.names == "") || strings.Join(details, "") != "" && !strings.Contains(strings.Join(details, ""), c.names) {
			t.Errorf("%s: %q %q, want %q", name, got, details, c.want)
		}
		if text := strings.Join(texts, ""); c.names != "" && strings.Contains(text, c.names) {
			t.Errorf("%s: %q names %s", name, text, c.names)
		}
		shown := httptest.NewRecorder()
		handler := admin.Handler(admin.Deps{Ready: checker, Metrics: prometheus.NewRegistry()})
		handler.ServeHTTP(shown, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
		if (shown.Code == 200) != report.Ready() || !json.Valid(shown.Body.Bytes()) || !strings.Contains(shown.Body.String(), c.names) {
			t.Errorf("%s: %d %s", name, shown.Code, shown.Body)
		}
		for path, status := range map[string]int{"/livez": 200, "/metrics": 200, "/debug/pprof/": 200, "/debug/pprof/cmdline": 200, "/": 404} {
			shown := httptest.NewRecorder()
			handler.ServeHTTP(shown, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
			if shown.Code != status {
				t.Errorf("%s: %d", path, shown.Code)
			}
		}
	}
}

// hanging is a Status that never answers.
type hanging struct{}

func (hanging) Status(ctx context.Context) ([]runtime.Status, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestInTime: a part that hangs is told as unavailable, and keeps nothing from being told of the others.
func TestInTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		models, replica ready.Status
		want            []string
	}{
		"a replica that hangs":  {at(0), hanging{}, []string{ready.OK, ready.OK, ready.Unavailable}},
		"a database that hangs": {hanging{}, at(0), []string{ready.Unavailable}},
		"both":                  {hanging{}, hanging{}, []string{ready.Unavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checker := ready.Checker{Models: c.models, Replica: c.replica, Needed: []string{"listing"}}.InTime().InTime()
			var got []string
			for _, p := range checker.Check(t.Context()).Parts {
				got = append(got, p.State)
			}
			if strings.Join(got, " ") != strings.Join(c.want, " ") {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// once is a Status that answers one time, and hangs from then on.
type once struct{ asked *atomic.Int64 }

func (o once) Status(ctx context.Context) ([]runtime.Status, error) {
	if o.asked.Add(1) == 1 {
		return at(0).Status(ctx)
	}
	return hanging{}.Status(ctx)
}

// TestAnOldAnswerIsNone: who asks for the first time in an hour, while the database hangs, is not told how it was an hour ago.
func TestAnOldAnswerIsNone(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]string{10 * time.Second: ready.OK, time.Hour: ready.Unavailable} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				checker := ready.Checker{Models: once{new(atomic.Int64)}, Needed: []string{"listing"}}.InTime()
				defer func() { time.Sleep(time.Minute) }() // the look is given up
				if first := checker.Check(t.Context()).Parts[0].State; first != ready.OK {
					t.Fatalf("before it hangs: %s", first)
				}
				time.Sleep(after) // of the bubble's clock
				if got := checker.Check(t.Context()).Parts[0].State; got != want {
					t.Errorf("%s, want %s", got, want)
				}
			})
		})
	}
}
