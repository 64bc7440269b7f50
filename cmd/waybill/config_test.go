package main

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
	}
	_, err := loadConfig(func(name string) string { return env[name] })
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
	c, err := loadConfig(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if c.addr != "127.0.0.1:8080" || c.databaseURL != "" || c.addrGiven {
		t.Errorf("got %+v", c)
	}
}
