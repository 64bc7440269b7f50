package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// LittleSharedMemory starts a server of PostgreSQL that has next to no /dev/shm, as in a container, and does whatever it can in
// parallel, and returns its URL. It ends with the test. Where that cannot be, the test is skipped.
func LittleSharedMemory(t *testing.T) (url string) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "only root can mount a small /dev/shm")
	}
	for _, program := range []string{"unshare", "setpriv", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, "needs "+program+", of Debian's packages util-linux and mount")
		}
	}
	bin, dir := ownServer(t)
	as := func(program string, args ...string) *exec.Cmd {
		c := exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1150k tmpfs /dev/shm && cd "+dir+
			fmt.Sprintf(" && exec setpriv --reuid=%d --regid=%d --clear-groups %s/%s ", nobody, nobody, bin, program)+
			strings.Join(args, " "))
		c.Env = append(os.Environ(), "LC_ALL=C")
		return c
	}
	if out, err := exec.Command("unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm").CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("cannot mount a /dev/shm of its own here: %v: %s", err, out))
	}
	return runOwn(t, dir, as, "fsync=off", "min_parallel_table_scan_size=0", "min_parallel_index_scan_size=0", "parallel_setup_cost=0",
		"parallel_tuple_cost=0", "maintenance_work_mem=64MB", "max_parallel_workers_per_gather=4", "max_parallel_maintenance_workers=4")
}
