package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
)

// An address that somebody configured is taken, or none.
func TestAGivenAddressIsInsistedOn(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, given := range map[string]bool{"given": true, "standard": false} {
		t.Run(name, func(t *testing.T) {
			var cfg config.Config
			got, err := (&app{cfg: cfg, log: cfg.Logger(t.Output())}).listen(t.Context(), taken.Addr().String(), given)
			if err == nil {
				defer got.Close()
			}
			if (err != nil) != given {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

// The log says where the events are, and nobody's password.
func TestWhereEventsAreHasNoPassword(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := &app{log: slog.New(slog.NewTextHandler(&log, nil))}
	a.cfg.EventStore = "esdb://admin:sesame@one:2113,two:2113?tls=false&userCertFile=sesame"
	a.announce(t.Context(), "http://127.0.0.1:8080", "127.0.0.1:9090")
	if text := log.String(); strings.Contains(text, "sesame") || !strings.Contains(text, "one:2113,two:2113") {
		t.Errorf("the log has %s", text)
	}
}

// A token acts in a role that its account holds.
func TestATokenNeedsItsRole(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	var id uuid.UUID
	var out bytes.Buffer
	if err := run(t.Context(), []string{"staff", "add", "--name", "运营员", "--role", "operator"}, env.get, &out); err != nil {
		t.Fatal(err)
	}
	env.inspect(t, func(ctx context.Context, a *app) (err error) {
		opened, err := a.commands.OpenAccount(ctx, newRequest(domain.System), "审核员")
		id = opened.ID
		return err
	})
	out.Reset()
	err := run(t.Context(), []string{"token", "issue", id.String(), "--role", "reviewer", "--as", "运营员"}, env.get, &out)
	if err == nil || strings.Contains(out.String(), "token ") {
		t.Errorf("got %v: %s", err, out.String())
	}
}
