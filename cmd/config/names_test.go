package config

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestVariablesAreKnown holds the list to what is read, and README.md's table to the list.
func TestVariablesAreKnown(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	if _, err := Load(func(name string) string { asked[name] = true; return "" }); err != nil {
		t.Fatal(err)
	}
	delete(asked, "GOGC") // Go's own, of which the form is checked
	if got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(slices.Values(Variables)); !slices.Equal(got, want) {
		t.Errorf("read are\n%v\nknown are\n%v", got, want)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(string(readme), -1) {
		for _, name := range regexp.MustCompile("`((?:WAYBILL|DATABASE)_[A-Z_]+)`").FindAllStringSubmatch(row[1], -1) {
			told[name[1]] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(told)), slices.Sorted(slices.Values(Variables)); !slices.Equal(got, want) {
		t.Errorf("README.md has\n%v\nknown are\n%v", got, want)
	}
	for _, name := range slices.Concat(Variables, elsewhere) {
		if of := meant(name); of != "" {
			t.Errorf("%s is taken for %s", name, of)
		}
		for _, other := range Variables {
			if name != other && near(fold(name), fold(other)) {
				t.Errorf("%s and %s are too near to tell a slip", name, other)
			}
		}
	}
}

func TestSlipsAreMistakes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"WAYBILL_EVENT_STORE":        "WAYBILL_EVENTSTORE",
		"WAYBILLEVENTSTORE":          "WAYBILL_EVENTSTORE",
		"WAYBILL__EVENTSTORE":        "WAYBILL_EVENTSTORE",
		"WAYBILL_EVENTSTORE_":        "WAYBILL_EVENTSTORE",
		"WAYBILL_EVENTSTORES":        "WAYBILL_EVENTSTORE",
		"WAYBILL_EVENTSTOER":         "WAYBILL_EVENTSTORE",
		"WAYBILL_EVENSTORE":          "WAYBILL_EVENTSTORE",
		"WAYBILL_EVENT_STROE":        "WAYBILL_EVENTSTORE",
		"WAYBIL_EVENTSTORE":          "WAYBILL_EVENTSTORE",
		"WAYBLIL_EVENTSTORE":         "WAYBILL_EVENTSTORE",
		"AYBILL_EVENTSTORE":          "WAYBILL_EVENTSTORE",
		"waybill_eventstore":         "WAYBILL_EVENTSTORE",
		"Waybill_Eventstore":         "WAYBILL_EVENTSTORE",
		"WAYBILL-EVENTSTORE":         "WAYBILL_EVENTSTORE",
		"waybill.eventstore":         "WAYBILL_EVENTSTORE",
		"WAYBILL_EVENTSTORE ":        "WAYBILL_EVENTSTORE",
		"WAYBILL_EVENT_STORE_PREFIX": "WAYBILL_EVENTSTORE_PREFIX",
		"WAYBILL_ADDRS":              "WAYBILL_ADDR",
		"WAYBILL_NODES":              "WAYBILL_NODE",
		"WAYBILL_DATADIR":            "WAYBILL_DATA_DIR",
		"WAYBILL_SECOND_APROVER":     "WAYBILL_SECOND_APPROVER",
		"DATABSE_URL":                "DATABASE_URL",
		"DATABASE_URI":               "DATABASE_URL",
		"DATABASEURL":                "DATABASE_URL",
		"database_url":               "DATABASE_URL",
		"WAYBILL_DATABASE_URL":       "DATABASE_URL",
		"READ_DATABASE_URL":          "WAYBILL_READ_DATABASE_URL",
		"GO_MEM_LIMIT":               "GOMEMLIMIT",
		"WAYBILL_EVENTSTORE_URL":     "WAYBILL_EVENTSTORE",
		"WAYBILL_EVENT_STORE_DB":     "WAYBILL_EVENTSTORE",
		"\ufeffWAYBILL_EVENTSTORE":   "WAYBILL_EVENTSTORE", // the first line of a file that Windows wrote
		"WАYBILL_EVENTSTORE":         "WAYBILL_EVENTSTORE", // the second letter is a Cyrillic one
		"ＷＡＹＢＩＬＬ＿ＥＶＥＮＴＳＴＯＲＥ": "WAYBILL_EVENTSTORE",
		"WAYBILL＿EVENTSTORE":       "WAYBILL_EVENTSTORE",
		"WAYBILL—EVENTSTORE":       "WAYBILL_EVENTSTORE",
		"WAYBILL\u200b_EVENTSTORE": "WAYBILL_EVENTSTORE",
		"\ufeffDATABASE_URL":       "DATABASE_URL",

		"WAYBILL_EVENTSTORE":              "",
		"WAYBILL_POSTGRES_BINARIES":       "",
		"WAYBILL_TEST_ESDB":               "",
		"WAYBILL_PASSWORD":                "",
		"WAYBILL_A_LATER_VERSIONS":        "",
		"WAYBILL_PORT":                    "",
		"WAYBILL_PORT_8080_TCP_ADDR":      "",
		"WAYBILL_SERVICE_HOST":            "",
		"WAYBILL_SERVICE_PORT_HTTP":       "",
		"WAYBILL_DB_SERVICE_HOST":         "",
		"WAYBILL_EVENTSTORE_PORT":         "",
		"WAYBILL_MEDIA_SERVICE_HOST":      "",
		"WAYBILL_ADDR_PORT_8080_TCP_PORT": "",
		"PATH":                            "",
		"GOGCC":                           "",
		"BASE_URL":                        "",
		"":                                "",
		"=C:":                             "",
	} {
		_, err := Load(func(asked string) string { return map[string]string{"WAYBILL_EVENTSTORE": "postgres"}[asked] }, name)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "is "+want+" meant?")):
			t.Errorf("%s: %v", name, err)
		}
	}
	// Another program's, while the right one is set too.
	both := func(name string) string {
		return map[string]string{"DATABASE_URL": "postgres://db/waybill", "DATABASE_URI": "x"}[name]
	}
	if _, err := Load(both, "DATABASE_URL", "DATABASE_URI"); err != nil {
		t.Error(err)
	}
	if _, err := Load(func(string) string { return "x" }, "WAYBILL_EVENT_STORE"); err == nil || strings.Count(err.Error(), "WAYBILL_EVENT_STORE ") != 1 {
		t.Errorf("beside other mistakes: %v", err)
	}
}

func TestUnknownVariablesAreTold(t *testing.T) {
	t.Parallel()
	c, err := Load(func(string) string { return "" }, "WAYBILL_LATER", "HOME", "WAYBILL_TEST_ESDB", "WAYBILL_PORT", "waybill_later\x1b", "WAYBILL_CHAOS")
	if want := []string{"WAYBILL_LATER", `waybill_later\x1b`}; err != nil || !slices.Equal(c.Unknown, want) {
		t.Errorf("got %q (%v), want %q", c.Unknown, err, want)
	}
	if got := Names([]string{"A=1", "B=", "=C:=x", "D"}); !slices.Equal(got, []string{"A", "B"}) {
		t.Errorf("names: %q", got)
	}
}

// TestValuesAreCleanOrRefused: white space around a value is not of it; quotes and what breaks lines nobody meant.
func TestValuesAreCleanOrRefused(t *testing.T) {
	t.Parallel()
	load := func(env map[string]string) (Config, error) {
		return Load(func(name string) string { return env[name] }, slices.Collect(maps.Keys(env))...)
	}
	for _, around := range []string{"\r", "\n", "\r\n", " ", "\t"} {
		c, err := load(map[string]string{
			"WAYBILL_EVENTSTORE": around + "esdb://db:2113?tls=false" + around, "DATABASE_URL": "postgres://db/waybill" + around,
			"WAYBILL_NODE": "one" + around, "WAYBILL_DB_MAX_CONNS": "30" + around, "WAYBILL_MIGRATE": "false" + around,
			"WAYBILL_DATA_DIR": "/srv/waybill" + around, "WAYBILL_LOG_LEVEL": "warn" + around, "WAYBILL_READ_WAIT": "3s" + around,
		})
		if err != nil || c.EventStore != "esdb://db:2113?tls=false" || c.DatabaseURL != "postgres://db/waybill" || c.Node != "one" ||
			c.MaxConns != 30 || c.Migrate || c.DataDir != "/srv/waybill" {
			t.Errorf("%q around: %+v, %v", around, c, err)
		}
	}
	for _, name := range Variables {
		for _, quote := range []string{`"`, `'`} {
			_, err := load(map[string]string{name: quote + "sesame" + quote})
			if err == nil || !strings.Contains(err.Error(), name+": the value stands in quotes") ||
				strings.HasPrefix(name, "DATABASE") && strings.Contains(err.Error(), "sesame") {
				t.Errorf("%s in %s: %v", name, quote, err)
			}
		}
		if _, err := load(map[string]string{name: "one\ntwo"}); err == nil || !strings.Contains(err.Error(), name+": there is a line break") {
			t.Errorf("%s in two lines: %v", name, err)
		}
	}
	for _, empty := range []string{"", " ", "\r"} {
		if _, err := load(map[string]string{"WAYBILL_EVENTSTORE": empty}); err == nil || !strings.Contains(err.Error(), "is set, but empty") {
			t.Errorf("no log in %q: %v", empty, err)
		}
		if c, err := load(map[string]string{"DATABASE_URL": empty}); err != nil || !c.DatabaseEmpty {
			t.Errorf("no database in %q: %v", empty, err)
		}
	}
	if c, err := load(nil); err != nil || c.DatabaseEmpty {
		t.Errorf("nothing set: %v", err)
	}
	if _, err := load(map[string]string{"WAYBILL_EVENTSTORE_PREFIX": "", "WAYBILL_READ_DATABASE_URL": "", "WAYBILL_NODE": ""}); err != nil {
		t.Errorf("what may be empty: %v", err)
	}
	for value, good := range map[string]bool{"off": true, "100": true, "-1": true, "lots": false, "50%": false} {
		if _, err := load(map[string]string{"GOGC": value}); (err == nil) != good {
			t.Errorf("GOGC=%s: %v", value, err)
		}
	}
}
