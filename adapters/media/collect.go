package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
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
	// Rounds, when given, bounds how much of the ledger one collection looks through, and says where the next goes on.
	Rounds *Rounds
}

// Rounds is how far collections are that look through the ledger bit by bit, round and round: up to which digest of the uploads and of the
// images. It is for one collection at a time.
type Rounds struct {
	uploads, images string
	// most is how many digests of each one collection looks at, roundOf when 0.
	most int
}

// roundOf is enough for seven million images a day.
const roundOf = 50_000

// Collected is what a collection has removed.
type Collected struct {
	// Uploads are rows of the ledger, Images digests with their files, and Strays files that were no image's.
	Uploads, Images, Strays int
	// Elsewhere says that another node is collecting, so that nothing was done.
	Elsewhere bool
}

// Collect removes what has been unused for Age, all of it or with Rounds what it comes to, on one node at a time, and looks through these
// parts of the store for files that the ledger does not know (Parts are all). It can stop at any point: what is left is taken the next
// time.
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
		most, from := math.MaxInt, new(Rounds)
		if c.Rounds != nil {
			most, from = cmp.Or(c.Rounds.most, roundOf), c.Rounds
		}
		if err := c.uploads(ctx, &from.uploads, most, &done); err != nil {
			return err
		}
		if err := c.images(ctx, &from.images, most, &done); err != nil {
			return err
		}
		return c.Shelf.RemoveRequests(ctx, c.Age)
	})
	done.Elsewhere = !ran && err == nil
	return done, err
}

// uploads removes those of about most digests after one, and says with which it ended; with none when there are no more.
func (c Collector) uploads(ctx context.Context, after *string, most int, done *Collected) error {
	for looked := 0; looked < most; looked += collectBatch {
		old, err := c.Shelf.Unused(ctx, c.Age, *after, collectBatch)
		if err != nil {
			return err
		}
		if len(old) == 0 {
			*after = ""
			return nil
		}
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
		*after = old[len(old)-1]
	}
	return nil
}

// images does so with the images.
func (c Collector) images(ctx context.Context, after *string, most int, done *Collected) error {
	for looked := 0; looked < most; looked += collectBatch {
		n, last, err := c.Shelf.RemoveBlobs(ctx, c.Age, *after, collectBatch, c.References, c.Files.Remove)
		done.Images += n
		if err != nil {
			return err
		}
		if *after = last; last == "" {
			return nil
		}
	}
	return nil
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
