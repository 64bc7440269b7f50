package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// initialise makes the data folder under another name first: a data folder is whole or absent.
func (s *Server) initialise(bin binaries, server *lock) error {
	p := s.place
	s.opts.Log.Info("creating the database", "dir", p.dir, "version", bin.major)
	halves, err := filepath.Glob(filepath.Join(p.dir, "new-*"))
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	for _, half := range halves {
		if err := os.RemoveAll(half); err != nil {
			return fmt.Errorf("embedded: %w", err)
		}
	}
	fresh, err := os.MkdirTemp(p.dir, "new-")
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	if err := errors.Join(p.give(fresh), p.writePassword(), p.markVolatile(!s.opts.Durable)); err != nil {
		return err
	}
	args := []string{
		"--pgdata=" + fresh, "--username=" + administrator, "--pwfile=" + p.password(), "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C",
	}
	if !s.opts.Durable {
		args = append(args, "--no-sync")
	}
	cmd := p.command(bin, "initdb", args...)
	cmd.Dir = fresh
	cmd.ExtraFiles = []*os.File{server.file} // if we are killed, the next Start waits until this one has ended
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("embedded: initdb: %w\n%s", err, out)
	}
	if err := os.Rename(fresh, p.data()); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

func (p place) writePassword() error {
	if err := replaceFile(p.password(), rand.Text()); err != nil {
		return err
	}
	return p.give(p.password())
}

// replaceFile writes a file that is whole or as it was, on a full disk too.
func replaceFile(path, content string) error {
	err := os.WriteFile(path+".new", []byte(content), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		_ = os.Remove(path + ".new")
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

func (p place) markVolatile(volatile bool) error {
	file := filepath.Join(p.dir, "volatile")
	if !volatile {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("embedded: %w", err)
		}
		return nil
	}
	return os.WriteFile(file, []byte("A cluster for tests: it runs without fsync and is removed when it fails.\n"), 0o600)
}

func (p place) volatile() bool {
	_, err := os.Stat(filepath.Join(p.dir, "volatile"))
	return err == nil
}

// version is the major version that wrote the data, 0 when there are none.
func (p place) version() (int, error) {
	b, err := os.ReadFile(filepath.Join(p.data(), "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(p.data()); err == nil {
			return 0, fmt.Errorf("embedded: %s exists but holds no database", p.data())
		}
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("embedded: %w", err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("embedded: %s: %w", filepath.Join(p.data(), "PG_VERSION"), err)
	}
	return v, nil
}
