package config

import (
	"strings"
	"testing"
)

func TestConfigReportsEveryMistakeAtOnce(t *testing.T) {
	env := map[string]string{
		"WAYBILL_ADDR":         "nowhere",
		"DATABASE_URL":         "postgres://u:sesame@host:notaport/db",
		"WAYBILL_EVENTSTORE":   "carrier-pigeon://loft",
		"WAYBILL_LOG_LEVEL":    "shout",
		"WAYBILL_LOG_FORMAT":   "xml",
		"WAYBILL_DB_MAX_CONNS": "many",
		"WAYBILL_READ_WAIT":    "-1s",
		"WAYBILL_STOP_TIMEOUT": "soon",
		"WAYBILL_CLAIM_LEASE":  "30s",

		"WAYBILL_SECOND_APPROVER": "maybe",
	}
	_, err := Load(func(name string) string { return env[name] })
	if err == nil {
		t.Fatal("no error")
	}
	for name := range env {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "sesame") {
		t.Errorf("the password shows in:\n%v", err)
	}
}

func TestConfigNeedsNothing(t *testing.T) {
	c, err := Load(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:8080" || c.DatabaseURL != "" || c.AddrGiven || c.SecondApprover {
		t.Errorf("got %+v", c)
	}
}

func TestASecondApproverIsAskedFor(t *testing.T) {
	c, err := Load(func(name string) string { return map[string]string{"WAYBILL_SECOND_APPROVER": "true"}[name] })
	if err != nil || !c.SecondApprover {
		t.Errorf("got %+v (%v)", c.SecondApprover, err)
	}
}

// What Waybill does otherwise than the connection string says is named, all of it at once.
func TestParametersOfTheDatabaseAreChecked(t *testing.T) {
	t.Parallel()
	_, err := Load(func(name string) string {
		return map[string]string{
			"DATABASE_URL": "postgres://u:sesame@db/waybill?default_query_exec_mode=exec&statement_timeout=5s&pool_max_conns=3",
		}[name]
	})
	for _, want := range []string{"DATABASE_URL=(hidden)", "default_query_exec_mode=exec", "statement_timeout", "WAYBILL_DB_MAX_CONNS"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

// What is wrong with a connection string that cannot be parsed is named where that is no part of a password.
func TestWhatIsWrongWithADatabase(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://u:sesame@db/waybill?sslmode=requre":             "sslmode",
		"postgres://u:sesame@db/waybill?sslrootcert=/sesame/none":   "sslmode or a certificate",
		"postgres://u:sesame@db/waybill?connect_timeout=sesame":     "connect_timeout",
		"postgres://u:sesame@db/waybill?target_session_attrs=what":  "target_session_attrs",
		"postgres://u:sesame@db:sesame/waybill":                     "host:5432/waybill",
		"postgres://u:ses%ame@db/waybill":                           "host:5432/waybill",
		"postgres://u:sesame@db/waybill?default_query_exec_mode=no": "default_query_exec_mode",
		"host=db port=sesame password=sslmode":                      "port",
		"sesame":                                                    "host:5432/waybill",
	} {
		err := CheckDatabase(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ame") && strings.Contains(err.Error(), "ses") {
			t.Errorf("%s: %v, want %q in it", text, err, want)
		}
	}
}

func TestReadDatabaseIsChecked(t *testing.T) {
	t.Parallel()
	const primary = "postgres://u:sesame@db:5432/waybill"
	for replica, want := range map[string]string{
		"postgres://u:sesame@replica:5432/waybill":                      "",
		"postgres://u:sesame@replica/waybill?sslmode=prefer":            "", // tried with TLS and without: one server
		"postgres://u:sesame@replica:notaport/waybill":                  "another value for the port",
		"postgres://u:sesame@one,two/waybill":                           "a single host",
		"host=one,one port=1,2 user=u password=sesame dbname=waybill":   "a single host",
		"postgres://u:sesame@replica/waybill?target_session_attrs=what": "another value for target_session_attrs",

		"postgres://u:sesame@replica/waybill?default_query_exec_mode=exec": "one without default_query_exec_mode=exec",
		"postgres://u:sesame@replica/waybill?target_session_attrs=primary": "one without target_session_attrs=primary",
		"postgres://u:sesame@replica/waybill?target_session_attrs=standby": "",
	} {
		env := map[string]string{"DATABASE_URL": primary, "WAYBILL_READ_DATABASE_URL": replica}
		_, err := Load(func(name string) string { return env[name] })
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), "WAYBILL_READ_DATABASE_URL=(hidden): want "+want) ||
			strings.Contains(err.Error(), "sesame")) {
			t.Errorf("%s: %v, want %q", replica, err, want)
		}
	}
	alone := map[string]string{"WAYBILL_READ_DATABASE_URL": primary}
	if _, err := Load(func(name string) string { return alone[name] }); err == nil || !strings.Contains(err.Error(), "DATABASE_URL too") {
		t.Errorf("without a primary: %v", err)
	}
}
