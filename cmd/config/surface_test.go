package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestSurface(t *testing.T) {
	t.Parallel()
	load := func(env map[string]string) (Config, error) {
		return Load(func(name string) string { return env[name] })
	}
	c, err := load(nil)
	if err != nil || c.AdminAddr != "127.0.0.1:8081" || c.AdminAddrGiven || c.TrustedProxies != nil || c.TLSCert != "" || c.MaxWaiting != 256 ||
		c.MaxReaders != 2000 {
		t.Errorf("standard: %+v, %v", c.Surface, err)
	}
	c, err = load(map[string]string{
		"WAYBILL_ADMIN_ADDR": ":9090", "WAYBILL_TRUSTED_PROXIES": " 10.20.0.5,10.30.1.7/24 ,, fd00::1/64", "WAYBILL_TLS_CERT": "c", "WAYBILL_TLS_KEY": "k",
		"WAYBILL_READ_WAITERS": "7", "WAYBILL_FEED_READERS": "8",
	})
	if err != nil || c.AdminAddr != ":9090" || !c.AdminAddrGiven || fmt.Sprint(c.TrustedProxies) != "[10.20.0.5/32 10.30.1.0/24 fd00::/64]" ||
		c.TLSCert != "c" || c.TLSKey != "k" || c.MaxWaiting != 7 || c.MaxReaders != 8 {
		t.Errorf("given: %+v, %v", c.Surface, err)
	}
	for _, fine := range []map[string]string{
		{"WAYBILL_ADDR": "127.0.0.1:8081"},
		{"WAYBILL_ADDR": ":0", "WAYBILL_ADMIN_ADDR": ":0"},
		{"WAYBILL_ADDR": "[::1]:http"},
		{"WAYBILL_DATA_DIR": "./~"},
		{"WAYBILL_ADDR": "127.0.0.1:9090", "WAYBILL_ADMIN_ADDR": "127.0.0.2:9090"},
	} {
		if _, err := load(fine); err != nil {
			t.Errorf("%v: %v", fine, err)
		}
	}
	for name, env := range map[string]map[string]string{
		"WAYBILL_ADMIN_ADDR":              {"WAYBILL_ADMIN_ADDR": "nowhere"},
		"WAYBILL_ADMIN_ADDR=:70000":       {"WAYBILL_ADMIN_ADDR": ":70000"},
		"WAYBILL_ADDR=host:8080x":         {"WAYBILL_ADDR": "host:8080x"},
		"another address than":            {"WAYBILL_ADDR": ":9090", "WAYBILL_ADMIN_ADDR": ":9090"},
		"WAYBILL_DATA_DIR=~/waybill":      {"WAYBILL_DATA_DIR": "~/waybill"},
		"WAYBILL_DATA_DIR=$HOME":          {"WAYBILL_DATA_DIR": "$HOME/waybill"},
		"WAYBILL_TRUSTED_PROXIES=balance": {"WAYBILL_TRUSTED_PROXIES": "10.0.0.1,balance"},
		"WAYBILL_TRUSTED_PROXIES=::ffff":  {"WAYBILL_TRUSTED_PROXIES": "::ffff:10.0.0.0/100"},
		"WAYBILL_TRUSTED_PROXIES=1.2":     {"WAYBILL_TRUSTED_PROXIES": "1.2.3.4/33"},
		"WAYBILL_TLS_KEY":                 {"WAYBILL_TLS_CERT": "c"},
		"WAYBILL_TLS_CERT":                {"WAYBILL_TLS_KEY": "k"},
		"WAYBILL_READ_WAITERS":            {"WAYBILL_READ_WAITERS": "0"},
		"WAYBILL_FEED_READERS":            {"WAYBILL_FEED_READERS": "no"},
	} {
		if _, err := load(env); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
