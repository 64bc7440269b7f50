package config

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// gcPercent: Waybill keeps little alive and makes much garbage, so it collects half as often as Go would. A rebuild stays
	// below 200 MB with it.
	gcPercent = 200
	// memoryShare of the cgroup's limit is Go's; the rest is for what Go does not count, such as buffers in the kernel.
	memoryShare = 0.8
)

// LimitMemory sets how the process collects garbage: GOGC and GOMEMLIMIT as they are, where they are set; else at 200 percent,
// and within 80 percent of the lowest limit of the process's cgroup and those above it. Without such a limit there is none.
//
// An error says that the cgroup's limit could not be read; there is none then, either.
func LimitMemory() error { return limitMemory(memlimit.FromCgroup) }

func limitMemory(limit memlimit.Provider) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	_, err := memlimit.Set(memlimit.WithProvider(limit), memlimit.WithRatio(memoryShare))
	if err == nil || errors.Is(err, memlimit.ErrNoCgroup) || errors.Is(err, memlimit.ErrCgroupsNotSupported) {
		return nil
	}
	return fmt.Errorf("memory limit: %w", err)
}
