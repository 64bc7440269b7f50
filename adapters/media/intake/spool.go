package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// spool is an upload on its way: a file without a name, so that slow senders, however many, hold no memory, and a crash leaves
// nothing behind.
type spool struct {
	file *os.File
	size int64
	// over says that there was more than the limit; what is beyond was not read.
	over bool
}

// ErrDisk is a failure of the disk that uploads wait on: no mistake of who sends one.
var ErrDisk = errors.New("the disk that uploads wait on")

func (in *Intake) spool(ctx context.Context, r io.Reader, limit int64) (*spool, error) {
	file, err := os.CreateTemp(in.config.Dir, "upload-*")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	s := &spool{file: file}
	if err := os.Remove(file.Name()); err != nil {
		s.close()
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	s.size, err = io.Copy(disk{file}, io.LimitReader(patient{ctx, r}, limit+1))
	if err != nil {
		s.close()
		return nil, err
	}
	s.over = s.size > limit
	return s, nil
}

// disk is a file whose failures can be told from those of what is copied to it.
type disk struct{ file *os.File }

func (d disk) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return n, err
}

// bytes are all that was read.
func (s *spool) bytes() ([]byte, error) {
	data := make([]byte, s.size)
	if _, err := s.file.ReadAt(data, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return data, nil
}

func (s *spool) close() { s.file.Close() }

// patient is a reader as long as its context is not done.
type patient struct {
	ctx context.Context
	io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}
