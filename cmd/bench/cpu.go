package main

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// processTime is the processor time that a process has used; 0 where the system does not tell.
func processTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // after the name, which may hold anything else
	fields := bytes.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	var user, system int64
	if _, err := fmt.Sscan(string(fields[11])+" "+string(fields[12]), &user, &system); err != nil {
		return 0
	}
	return time.Duration(user+system) * time.Second / 100
}
