package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	filestore "waybill/adapters/media"
	"waybill/adapters/media/intake"
	"waybill/adapters/postgres"
	"waybill/cmd/config"
	"waybill/projections"
	"waybill/projections/pictures"
	"waybill/projections/runtime"
)

// images are what an open app has of images: the files, who uploaded them, and both together.
type images struct {
	files   *filestore.Files
	uploads *postgres.Uploads
	library *filestore.Library
}

// openImages opens the store of images. With claim it must be the database's.
func (a *app) openImages(ctx context.Context, claim bool) (*images, error) {
	files, err := filestore.OpenFiles(ctx, a.cfg.MediaURL)
	if err != nil {
		return nil, err
	}
	i := &images{files: files, uploads: postgres.NewUploads(a.pool)}
	if claim {
		if err := files.Claim(ctx, i.uploads); err != nil {
			return nil, errors.Join(err, files.Close())
		}
	}
	i.library = filestore.NewLibrary(files, i.uploads, intake.New(intake.Standard()), a.cfg.ImagePolicies, a.cfg.MediaQuota).By(a.clock.Now)
	return i, nil
}

// collector removes images that nobody needs, as far as the whole log says so.
func (a *app) collector(i *images) filestore.Collector {
	return filestore.Collector{Files: i.files, Shelf: i.uploads, References: a.references}
}

func (a *app) references(ctx context.Context, digests []string) (referenced map[string]bool, err error) {
	sure, err := runtime.UpToDate(ctx, a.pool, a.store, pictures.Model, func(db projections.Querier) error {
		referenced, err = pictures.Queries{DB: db}.Referenced(ctx, digests)
		return err
	})
	if err == nil && !sure {
		err = filestore.ErrBehind
	}
	return referenced, err
}

const (
	// collectEvery is the pause between two collections; each looks through one part of the store for strays.
	collectEvery = 10 * time.Minute
	// collectLimit bounds one.
	collectLimit = 5 * time.Minute
)

// collectUnused collects until ctx ends. What one run does not do, the next does, on whichever node.
func (a *app) collectUnused(ctx context.Context, c filestore.Collector, m *mediaMetrics) {
	ticker := time.NewTicker(collectEvery)
	defer ticker.Stop()
	parts := filestore.Parts()
	c.Rounds = new(filestore.Rounds)
	for n := int(time.Now().Unix() / int64(collectEvery/time.Second)); ; n++ {
		run, cancel := context.WithTimeout(ctx, collectLimit)
		done, err := c.Collect(run, parts[n%len(parts):][:1])
		cancel()
		if ctx.Err() != nil {
			return
		}
		m.collected(done, err)
		if err != nil {
			a.log.WarnContext(ctx, "collecting images stopped; it goes on later", "error", err)
		} else if done.Uploads+done.Images+done.Strays > 0 {
			a.log.InfoContext(ctx, "collected images", "uploads", done.Uploads, "images", done.Images, "strays", done.Strays)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

type mediaCommand struct {
	List    mediaListCommand    `cmd:"" help:"List uploads, the newest first."`
	Collect mediaCollectCommand `cmd:"" help:"Remove now what nobody needs, and look through the whole store for strays."`
	Verify  mediaVerifyCommand  `cmd:"" help:"Compare every image with its digest, and the store with what the log refers to."`
	Adopt   mediaAdoptCommand   `cmd:"" help:"Make the store that is configured this database's: after a restore, or a move of either."`
}

type mediaListCommand struct {
	Account string `help:"Only those of this account: its id or name."`
	Limit   int    `default:"100" help:"How many at most."`
}

// Run is called by kong.
func (c mediaListCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		account := uuid.Nil
		if c.Account != "" {
			id, err := a.accountNamed(ctx, c.Account)
			if err != nil {
				return err
			}
			account = id
		}
		uploads, err := postgres.NewUploads(a.pool).List(ctx, account, max(1, c.Limit))
		if err != nil {
			return err
		}
		rows := newTable(out, "DIGEST", "PURPOSE", "FORMAT", "PIXELS", "BYTES", "ACCOUNT", "UPLOADED", "USED")
		for _, u := range uploads {
			i := u.Image
			rows.add(i.Digest, u.Purpose, i.Format, fmt.Sprintf("%dx%d", i.Width, i.Height), i.Bytes, u.Account,
				u.UploadedAt.Format(time.RFC3339), u.UsedAt.Format(time.RFC3339))
		}
		return rows.flush()
	})
}

type mediaCollectCommand struct{}

// Run is called by kong.
func (mediaCollectCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withImages(ctx, cfg, true, func(a *app, i *images) error {
		done, err := a.collector(i).Collect(ctx, filestore.Parts())
		if done.Elsewhere {
			return errors.New("another node is collecting; try again")
		}
		fmt.Fprintf(out, "removed %d uploads, %d images and %d strays\n", done.Uploads, done.Images, done.Strays)
		return err
	})
}

type mediaAdoptCommand struct{}

// Run is called by kong.
func (mediaAdoptCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withImages(ctx, cfg, false, func(_ *app, i *images) error {
		if err := i.files.Adopt(ctx, i.uploads); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "%s is this database's store of images now; nodes that use another one do not start any more.\n"+
			"Run \"waybill media verify\" to see what is missing.\n", i.files.Place())
		return err
	})
}

// withImages runs f on an open app and its store of images.
func withImages(ctx context.Context, cfg config.Config, claim bool, f func(*app, *images) error) error {
	return withApp(ctx, cfg, func(a *app) error {
		i, err := a.openImages(ctx, claim)
		if err != nil {
			return err
		}
		return errors.Join(f(a, i), i.files.Close())
	})
}
