package media

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Unused is how long an upload is kept that nothing refers to, and that no command has used.
const Unused = 24 * time.Hour

const collectBatch = 500

// Shelf is what a collection asks of the ledger; adapters/postgres has it.
type Shelf interface {
	Alone(ctx context.Context, do func(context.Context) error) (ran bool, err error)
	Unused(ctx context.Context, age time.Duration, after string, limit int) ([]string, error)
	RemoveUploads(ctx context.Context, age time.Duration, digests []string) (int, error)
	RemoveBlobs(ctx context.Context, age time.Duration, after string, limit int,
		keep func(context.Context, []string) (map[string]bool, error), remove func(context.Context, string) error,
	) (removed int, last string, err error)
	RemoveRequests(ctx context.Context, age time.Duration) error
	Known(ctx context.Context, digests []string) (map[string]bool, error)
	Adopt(ctx context.Context, digests []string) error
}

// References tells which of some digests anything in the log refers to. It fails when it cannot be sure: ErrBehind when its read model
// does not show the whole log, or has streams that are parked.
type References func(ctx context.Context, digests []string) (map[string]bool, error)

// ErrBehind says that it is not known what the log refers to, so that nothing can be collected.
var ErrBehind = errors.New("what the log refers to is not all known: the read model pictures is behind, or has parked streams")

// Collector removes what nobody needs: uploads that were never submitted, and the files that nobody has an upload of.
type Collector struct {
	Files      *Files
	Shelf      Shelf
	References References
	// Age is Unused when 0.
	Age time.Duration
}

// Collected is what a collection has removed.
type Collected struct {
	// Uploads are rows of the ledger, Images digests with their files, and Strays files that were no image's.
	Uploads, Images, Strays int
	// Elsewhere says that another node is collecting, so that nothing was done.
	Elsewhere bool
}

// Collect removes all that has been unused for Age, on one node at a time, and looks through these parts of the store for files that
// the ledger does not know (Parts are all). It can stop at any point: what is left is taken the next time.
//
// An image goes in two steps. Its upload goes when nothing refers to the digest and no command has used it for Age: a command that names
// it marks it as used under the row's lock first, so it either finds no upload, and is refused, or keeps it for Age, within which its
// event is in the log and in the read model. The digest, with its file, goes when it has no upload: under the lock of the
// digest's row, which an upload of the same bytes holds while it writes the file.
func (c Collector) Collect(ctx context.Context, parts []string) (done Collected, err error) {
	if c.Age == 0 {
		c.Age = Unused
	}
	ran, err := c.Shelf.Alone(ctx, func(ctx context.Context) error {
		if err := c.strays(ctx, parts, &done); err != nil {
			return err
		}
		if err := c.uploads(ctx, &done); err != nil {
			return err
		}
		if err := c.images(ctx, &done); err != nil {
			return err
		}
		return c.Shelf.RemoveRequests(ctx, c.Age)
	})
	done.Elsewhere = !ran && err == nil
	return done, err
}

func (c Collector) uploads(ctx context.Context, done *Collected) error {
	after := ""
	for {
		old, err := c.Shelf.Unused(ctx, c.Age, after, collectBatch)
		if err != nil || len(old) == 0 {
			return err
		}
		after = old[len(old)-1]
		referred, err := c.References(ctx, old)
		if err != nil {
			return err
		}
		var free []string
		for _, digest := range old {
			if !referred[digest] {
				free = append(free, digest)
			}
		}
		n, err := c.Shelf.RemoveUploads(ctx, c.Age, free)
		done.Uploads += n
		if err != nil {
			return err
		}
	}
}

func (c Collector) images(ctx context.Context, done *Collected) error {
	after := ""
	for {
		n, last, err := c.Shelf.RemoveBlobs(ctx, c.Age, after, collectBatch, c.References, c.Files.Remove)
		done.Images += n
		if err != nil || last == "" {
			return err
		}
		after = last
	}
}

// strays removes what a stop in the middle of writing has left, and has the ledger know originals that it does not, as after it was put
// back to a backup: whether they go is decided like for any other.
func (c Collector) strays(ctx context.Context, parts []string, done *Collected) error {
	now, err := c.Files.Now(ctx)
	if err != nil {
		return err
	}
	old := now.Add(-c.Age)
	for _, part := range parts {
		var found []string
		err := c.Files.Walk(ctx, part, func(e Entry) error {
			switch {
			case !e.At.Before(old):
			case e.Digest == "":
				done.Strays++
				return c.Files.remove(ctx, e.Key)
			default:
				found = append(found, e.Digest)
			}
			return nil
		})
		if err != nil {
			return err
		}
		known, err := c.Shelf.Known(ctx, found)
		if err != nil {
			return err
		}
		var unknown []string
		for _, digest := range found {
			if !known[digest] {
				unknown = append(unknown, digest)
			}
		}
		if len(unknown) == 0 {
			continue
		}
		if err := c.Shelf.Adopt(ctx, unknown); err != nil {
			return fmt.Errorf("adopt files: %w", err)
		}
	}
	return nil
}
