package main

import (
	"io"
	nethttp "net/http"
	"strings"
	"testing"
)

// What the environment says of memory holds for the process, which shows it in its metrics.
func TestMemoryOfTheProcess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gogc, limit string
		want        []string
	}{
		"limits":   {"150", "300MiB", []string{"go_gc_gogc_percent 150\n", "go_gc_gomemlimit_bytes 3.145728e+08\n"}},
		"no limit": {"", "off", []string{"go_gc_gogc_percent 200\n", "go_gc_gomemlimit_bytes 9.2"}}, // which is the greatest number
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, _ := onDatabase(t)
			env["GOGC"], env["GOMEMLIMIT"] = c.gogc, c.limit
			n := startNode(t, "it", env)
			response, err := nethttp.Get(n.admin + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(string(text), want) {
					t.Errorf("no %q in the metrics", want)
				}
			}
			n.interrupt()
		})
	}
}
