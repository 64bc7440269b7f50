package embedded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// planted puts a program of that name into a folder, which leaves a mark when it runs.
func planted(t *testing.T, dir string) (mark string) {
	t.Helper()
	mark = filepath.Join(t.TempDir(), "ran")
	bin := filepath.Join(dir, "var", "postgres-binaries", "usr", "lib", "postgresql", "99", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"postgres", "initdb"} {
		script := "#!/bin/sh\ntouch " + mark + "\necho 'postgres (PostgreSQL) 99.0'\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return mark
}

// Nothing is run that was found outside of the sources, or that others than root and ourselves could have put there.
func TestProgramsThatAreFoundAreTrusted(t *testing.T) {
	t.Setenv("WAYBILL_POSTGRES_BINARIES", "")
	for name, test := range map[string]struct {
		plant, work string // below a folder of the test's
		module      string // where go.mod is
		spoil       func(dir string) error
		runs        bool
	}{
		"below the sources":     {".", "a/b", ".", nil, true},
		"above the sources":     {".", "a/b", "a", nil, false},
		"in no sources":         {".", "a/b", "", nil, false},
		"in the folder itself":  {"a/b", "a/b", "", nil, false},
		"a folder others write": {".", "a/b", ".", func(dir string) error { return os.Chmod(filepath.Join(dir, "var"), 0o777) }, false},
		"a program others write": {".", "a", ".", func(dir string) error {
			return os.Chmod(filepath.Join(dir, "var/postgres-binaries/usr/lib/postgresql/99/bin/postgres"), 0o777)
		}, false},
		"links in a folder others write": {".", "a", ".", func(dir string) error {
			bin := filepath.Join(dir, "var/postgres-binaries/usr/lib/postgresql/99/bin")
			own := filepath.Join(dir, "own")
			return errors.Join(os.Rename(bin, own), os.Mkdir(bin, 0o755), os.Chmod(bin, 0o777),
				os.Symlink(filepath.Join(own, "postgres"), filepath.Join(bin, "postgres")),
				os.Symlink(filepath.Join(own, "initdb"), filepath.Join(bin, "initdb")))
		}, false},
		"a link, and what it leads to is run": {".", "a", ".", func(dir string) error {
			link := filepath.Join(dir, "var/postgres-binaries")
			own := filepath.Join(dir, "own")
			return errors.Join(os.Rename(link, own), os.Symlink(own, link))
		}, true},
		"somebody else's": {".", "a", ".", func(dir string) error {
			return os.Chown(filepath.Join(dir, "var/postgres-binaries"), 65534, 65534)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if os.Geteuid() != 0 && name == "somebody else's" {
				t.Skip("only root can give a folder away")
			}
			dir := t.TempDir()
			mark := planted(t, filepath.Join(dir, test.plant))
			if err := os.MkdirAll(filepath.Join(dir, test.work), 0o755); err != nil {
				t.Fatal(err)
			}
			if test.module != "" {
				if err := os.WriteFile(filepath.Join(dir, test.module, "go.mod"), []byte("module waybill\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if test.spoil != nil {
				if err := test.spoil(dir); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(filepath.Join(dir, test.work))
			found, err := place{dir: dir}.findBinaries("", 0)
			_, notRun := os.Stat(mark)
			if ran := notRun == nil; ran != test.runs || test.runs != strings.HasPrefix(found.dir, dir) {
				t.Errorf("ran: %v, found %+v, %v", ran, found, err)
			}
		})
	}
}

// What another user left at a place where root would look for its data is not taken, whatever is in it.
func TestAFolderOfAStrangerIsNotTaken(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	tmp := t.TempDir()
	if err := os.Chmod(filepath.Dir(tmp), 0o755); err != nil { // whoever runs the server may come to it
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	dir := filepath.Join(tmp, "db")
	planted := filepath.Join(tmp, fmt.Sprintf("waybill-%.6x", sha256.Sum256([]byte(dir))))
	if err := os.MkdirAll(filepath.Join(planted, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(planted, "data"), planted} {
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := findPlace(dir); err != nil || p.dir != dir {
		t.Errorf("%+v, %v", p, err)
	}
}
