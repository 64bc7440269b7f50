package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/gazetteer"
	"waybill/cmd/config"
	"waybill/cmd/demo"
	"waybill/domain"
	"waybill/domain/media"
)

type seedCommand struct {
	Products *int      `help:"Instead of the demo world: this many products, appended in bulk to an empty log, without their images."`
	Events   *int      `help:"With --products: go on with revisions, decisions and pins up to this many events."`
	TTL      *lifetime `help:"How long the demo tokens are valid, such as 12h or 30d (which is usual)."`
}

// Run is called by kong.
func (c seedCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	return withApp(ctx, cfg, func(a *app) error {
		ttl, err := a.checkedLifetime(c.TTL)
		if err != nil {
			return err
		}
		if err := a.mayBeSeeded(ctx, c.Products == nil); err != nil {
			return err
		}
		if c.Products == nil {
			return a.seedDemo(ctx, out, ttl)
		}
		events := 0
		if c.Events != nil {
			events = *c.Events
		}
		return a.seedBulk(ctx, out, *c.Products, events)
	})
}

// check refuses flags that would be ignored, and a large world of nothing: it is no demo world.
func (c seedCommand) check() error {
	switch {
	case c.Products != nil && *c.Products < 1, c.Events != nil && *c.Events < 1:
		return errors.New("seed: --products and --events are at least 1")
	case c.Events != nil && c.Products == nil:
		return errors.New("seed: --events is the size of a large world: say how many --products it has")
	case c.TTL != nil && c.Products != nil:
		return errors.New("seed: --ttl is for the demo world: a large one has no tokens")
	}
	return nil
}

var errInUse = errors.New("seed: the log is in use, and a demo world does not belong into it: its staff could do everything. " +
	"Seed an empty one, such as with WAYBILL_DATA_DIR=var/demo")

// mayBeSeeded lets nothing be added to a log in use. Played again, the demo world changes nothing but for new tokens: a log that
// began with it may be seeded again.
func (a *app) mayBeSeeded(ctx context.Context, again bool) error {
	first, err := a.commands.First(ctx)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return nil
	case err != nil:
		return err
	case again && demo.Began(first):
		return nil
	}
	return errInUse
}

// seedBulk appends a large world and says how fast.
func (a *app) seedBulk(ctx context.Context, out io.Writer, products, events int) error {
	store, ok := a.store.(demo.Importer)
	if !ok {
		return errors.New("seed: a large world is written in bulk, which EventStoreDB cannot; seed a PostgreSQL and 'waybill copy' it")
	}
	start := time.Now()
	total, err := demo.Bulk(ctx, store, products, events)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	took := time.Since(start).Seconds()
	_, err = fmt.Fprintf(out, "%d products, %d events in %.1f s (%.0f events/s)\n", products, total, took, float64(total)/took)
	return err
}

// seedDemo plays the demo world and prints a token for each of its people.
func (a *app) seedDemo(ctx context.Context, out io.Writer, ttl time.Duration) error {
	places, err := gazetteer.Load()
	if err != nil {
		return err
	}
	images, err := a.openImages(ctx, true)
	if err != nil {
		return err
	}
	defer images.files.Close() //nolint:errcheck // everything in it is on the disk
	a.takeSubmissions(images.library, places)
	upload := func(by uuid.UUID, purpose media.Purpose, request uuid.UUID, content []byte) (string, error) {
		receipt, err := images.library.Upload(ctx, by, purpose, request, bytes.NewReader(content))
		return receipt.Digest, err
	}
	world, err := demo.Play(ctx, a.commands, upload)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	people := []struct {
		name  string
		actor domain.Actor
	}{
		{"ENTERPRISE", world.Buyer},
		{"APPLICANT", world.Applicant},
		{"PROVIDER", world.Providers[0]},
		{"OTHER_PROVIDER", world.Providers[1]},
		{"REVIEWER", world.Reviewer},
		{"OTHER_REVIEWER", world.Colleague},
		{"AUDITOR", world.Auditor},
		{"OPERATOR", world.Operator},
	}
	for _, p := range people {
		secret, err := a.issue(ctx, a.request(world.Operator), p.actor.ID, p.actor.Role, ttl, "demo")
		if err != nil {
			return fmt.Errorf("seed: token: %w", err)
		}
		if _, err := fmt.Fprintf(out, "export %s=%s\n", p.name, secret); err != nil {
			return err
		}
	}
	return nil
}
