package config

import (
	"errors"
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// collector returns what the process is set to, and puts it back at the end of the test.
func collector(t *testing.T) (get func() (percent int, limit int64)) {
	t.Helper()
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(123<<20)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	return func() (int, int64) {
		percent := debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent, debug.SetMemoryLimit(-1)
	}
}

// environ sets variables, or takes away what the test run was given.
func environ(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range []string{"GOGC", "GOMEMLIMIT", "AUTOMEMLIMIT"} {
		t.Setenv(name, env[name]) // puts it back at the end
		if env[name] == "" {
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestLimitMemory(t *testing.T) {
	broken := errors.New("broken")
	fails := func(err error) memlimit.Provider { return func() (uint64, error) { return 0, err } }
	const before = 123 << 20 // what Go took from GOMEMLIMIT at its start, as it were
	for name, c := range map[string]struct {
		env     map[string]string
		cgroup  memlimit.Provider
		percent int
		limit   int64
		fails   bool
	}{
		"a limit":                    {nil, memlimit.Limit(1000 << 20), 200, 800 << 20, false},
		"no limit":                   {nil, fails(memlimit.ErrNoLimit), 200, math.MaxInt64, false},
		"no cgroup":                  {nil, fails(memlimit.ErrNoCgroup), 200, before, false},
		"another system":             {nil, fails(memlimit.ErrCgroupsNotSupported), 200, before, false},
		"a limit that is unreadable": {nil, fails(broken), 200, before, true},
		"GOMEMLIMIT":                 {map[string]string{"GOMEMLIMIT": "123MiB"}, memlimit.Limit(1000 << 20), 200, before, false},
		"GOGC":                       {map[string]string{"GOGC": "50"}, memlimit.Limit(1000 << 20), 100, 800 << 20, false}, // as it was
		"both":                       {map[string]string{"GOGC": "50", "GOMEMLIMIT": "123MiB"}, fails(broken), 100, before, false},
	} {
		t.Run(name, func(t *testing.T) {
			get := collector(t)
			environ(t, c.env)
			if err := limitMemory(c.cgroup); (err != nil) != c.fails {
				t.Errorf("error %v", err)
			}
			if percent, limit := get(); percent != c.percent || limit != c.limit {
				t.Errorf("percent %d, limit %d; want %d and %d", percent, limit, c.percent, c.limit)
			}
		})
	}
}

func TestLimitMemoryOfThisMachine(t *testing.T) {
	get := collector(t)
	environ(t, nil)
	if err := LimitMemory(); err != nil {
		t.Skip(err) // a machine with unusual cgroups
	}
	if percent, limit := get(); percent != 200 || limit <= 0 {
		t.Errorf("percent %d, limit %d", percent, limit)
	}
}
