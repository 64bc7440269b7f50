package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// otherwise is what a root can do that is not all of root, as in a container.
const otherwise = "run Waybill as an ordinary user, or set DATABASE_URL"

// needed are the capabilities without which root cannot run a server as another user, look into its files and stop it.
var needed = []struct {
	bit  uint
	name string
}{{0, "CHOWN"}, {1, "DAC_OVERRIDE"}, {5, "KILL"}, {6, "SETGID"}, {7, "SETUID"}}

var effective = regexp.MustCompile(`(?m)^CapEff:\s+([0-9a-f]+)$`)

// missing names the capabilities that this root lacks.
func missing() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil // a system that has none
	}
	found := effective.FindSubmatch(status)
	if found == nil {
		return nil
	}
	has, err := strconv.ParseUint(string(found[1]), 16, 64)
	if err != nil {
		return nil
	}
	var lacks []string
	for _, c := range needed {
		if has&(1<<c.bit) == 0 {
			lacks = append(lacks, c.name)
		}
	}
	if lacks == nil {
		return nil
	}
	return fmt.Errorf("embedded: PostgreSQL does not run as root, and this root lacks the capabilities (%s) to run it as another user: %s",
		strings.Join(lacks, ", "), otherwise)
}

// mayBecome tries to start a program as another user, whom a namespace of users may not have.
func mayBecome(as *syscall.Credential) error {
	program, err := exec.LookPath("true")
	if err != nil {
		return nil // enterable tells
	}
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("embedded: PostgreSQL does not run as root, and this root may not run it as user %d (is there such a user in "+
			"this namespace?): %s: %w", as.Uid, otherwise, err)
	}
	return nil
}
