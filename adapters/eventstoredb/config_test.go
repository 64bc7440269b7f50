package eventstoredb_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"waybill/adapters/eventstoredb"
)

// Every mistake that the client makes something else of, or reports alone.
func TestEveryMistakeIsNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{
		"":                                      {"esdb://"},
		"http://host:2113":                      {"esdb://"},
		"esdb://":                               {"node 1"},
		"esdb://host:":                          {"node 1"},
		"esdb://host:99999":                     {"port"},
		"esdb://a:2113,:2113,c":                 {"node 2"},
		"esdb://[::1]:2113":                     {"IPv6"},
		"esdb://host/path":                      {"path"},
		"esdb+discover://a:2113,b:2113":         {"esdb+discover"},
		"esdb://admin:changeit@host?tls=false":  {"tls=false"},
		"esdb://admin@host":                     {"password"},
		"esdb://:secret@host":                   {"name"},
		"esdb://ad:m,in@a:1,b:2":                {"percent-encoded"},
		"esdb://host?tls=no":                    {"tls"},
		"esdb://host?colour=red":                {"colour"},
		"esdb://host?tls=false&TLS=true":        {"twice"},
		"esdb://host?defaultDeadline=10s":       {"defaultDeadline", "milliseconds"},
		"esdb://host?defaultDeadline=0":         {"defaultDeadline"},
		"esdb://host?nodePreference=follower":   {"leader"},
		"esdb://host?maxDiscoverAttempts=-1":    {"maxDiscoverAttempts"},
		"esdb://host?gossipTimeout=5000":        {"seconds"},
		"esdb://host?keepAliveInterval=10":      {"keepAliveInterval"},
		"esdb://host?discoveryInterval=x":       {"discoveryInterval"},
		"esdb://host?tlsCaFile=/does/not/exist": {"tlsCaFile"},
		"esdb://host?tlsCaFile=" + empty:        {"no certificate"},
		"esdb://host?userCertFile=" + empty:     {"together"},
		"esdb://host?userCertFile=" + empty + "&userKeyFile=" + empty: {"certificate and its key"},
		"esdb://u:p@host:x?tls=false&defaultDeadline=1s&nosuch=1":     {"port", "tls=false", "defaultDeadline", "nosuch"}, // all at once
	} {
		err := eventstoredb.Check(text)
		if err == nil {
			t.Errorf("%q passes", text)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v; it does not name %q", text, err, part)
			}
		}
	}
}

func TestPasswordsAreNotRepeated(t *testing.T) {
	for _, text := range []string{
		"esdb://admin:sesame@host:bad?tls=false", "esdb://admin:sesame", "esdb://ad%zz:sesame@host", "esdb://admin:ses/ame@host", "sesame",
		"esdb://admin:sesame,@a,b?x=%zz",
	} {
		if err := eventstoredb.Check(text); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What passes must be read by the client as it was meant.
func TestGoodConnectionStrings(t *testing.T) {
	for text, nodes := range map[string]int{
		"esdb://host:2113?tls=false": 0, "esdb://host": 0, "esdb://a:1,b:2,c:3?tls=false&nodePreference=leader": 3,
		"esdb://admin:p%2Cw%40@a:1,b:2,c:3?gossipTimeout=3&maxDiscoverAttempts=5&discoveryInterval=200": 3,
		"esdb+discover://cluster.example.org:2113?keepAliveInterval=-1&defaultDeadline=3000":            0,
		"esdb://127.0.0.1:2113?tls=FALSE": 0,
	} {
		if err := eventstoredb.Check(text); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		config, err := esdb.ParseConnectionString(text)
		if err != nil || len(config.GossipSeeds) != nodes || nodes == 0 && config.Address == "" {
			t.Errorf("%q: the client reads %+v, %v", text, config, err)
		}
		if strings.Contains(text, "admin") && config.Password != "p,w@" {
			t.Errorf("%q: the client reads the password %q", text, config.Password)
		}
		if strings.Contains(text, "defaultDeadline") && *config.DefaultDeadline != 3*time.Second {
			t.Errorf("%q: the client reads the deadline %v", text, config.DefaultDeadline)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for prefix, ok := range map[string]bool{"": true, "waybill_": true, "a.b_C9": true, "a-b": false, "$x": false, "a b": false, strings.Repeat("x", 65): false} {
		if err := eventstoredb.CheckPrefix(prefix); (err == nil) != ok {
			t.Errorf("%q: %v", prefix, err)
		}
	}
	if _, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: "esdb://h?x=1", Prefix: "a-b"}); err == nil ||
		!strings.Contains(err.Error(), "prefix") || !strings.Contains(err.Error(), "x is no setting") {
		t.Errorf("both mistakes should be named: %v", err)
	}
}
