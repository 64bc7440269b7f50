package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Whoever takes the name of the shared cluster's folder first stops nobody's tests.
func TestTheSharedFolderIsOurOwn(t *testing.T) {
	parent := t.TempDir()
	first, err := shared(parent)
	if again, err2 := shared(parent); err != nil || err2 != nil || again != first {
		t.Fatalf("%s, then %s: %v, %v", first, again, err, err2)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	taken := t.TempDir()
	squatted := filepath.Join(taken, fmt.Sprintf("waybill-test-%d", os.Geteuid()))
	if err := os.Mkdir(squatted, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(squatted, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	own, err := shared(taken)
	if again, err2 := shared(taken); err != nil || err2 != nil || own == squatted || again != own {
		t.Errorf("%s, then %s: %v, %v", own, again, err, err2)
	}
}
