package config

import (
	"os"
	"runtime/debug"
)

// Waybill keeps little alive and makes much garbage: it collects less often than Go would, and still stays small.
const (
	gcPercent   = 400
	memoryLimit = 140 << 20 // bytes; from here on it collects as often as it must
)

// LimitMemory sets how the process collects garbage, unless GOGC or GOMEMLIMIT says it.
func LimitMemory() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(memoryLimit)
	}
}
