//go:build unix

package esdbtest

import (
	"errors"
	"os"
	"syscall"
)

// lock makes a second process that opens the file fail. It ends with the process, however that ends.
func lock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another server uses it")
	}
	return err
}
