package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"waybill/adapters/postgres/embedded"
)

// The reaper is a process that removes the shared cluster once nobody uses it. No test process can: it does not know
// that it is the last, and it may be killed. It is this test binary, started again with this variable set.
const reaperDir = "WAYBILL_PGTEST_REAPER"

// linger bridges the time between two packages of one `go test ./...`, so that they share the cluster.
const linger = 10 * time.Second

func init() {
	dir := os.Getenv(reaperDir)
	if dir == "" {
		return
	}
	if err := embedded.StopUnused(context.Background(), dir, linger); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// reap starts a reaper; one that finds another waiting already ends at once.
func reap(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), reaperDir+"="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C ends the tests, not the reaper
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgtest: start the reaper: %w", err)
	}
	go cmd.Wait() //nolint:errcheck // only so that it leaves no zombie
	return nil
}
