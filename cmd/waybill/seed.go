package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"waybill/cmd/config"
	"waybill/cmd/demo"
	"waybill/domain"
)

type seedCommand struct {
	Products int           `help:"Instead of the demo world: this many products, appended in bulk to an empty log."`
	Events   int           `help:"With --products: go on with revisions, decisions and pins up to this many events."`
	TTL      time.Duration `default:"720h" help:"How long the demo tokens are valid."`
}

// Run is called by kong.
func (c seedCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		if c.Products > 0 {
			return a.seedBulk(ctx, out, c.Products, c.Events)
		}
		return a.seedDemo(ctx, out, c.TTL)
	})
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
	world, err := demo.Play(ctx, a.commands)
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
		{"AUDITOR", world.Auditor},
		{"OPERATOR", world.Operator},
	}
	for _, p := range people {
		secret, err := a.issue(ctx, p.actor.ID, p.actor.Role, ttl, "demo")
		if err != nil {
			return fmt.Errorf("seed: token: %w", err)
		}
		if _, err := fmt.Fprintf(out, "export %s=%s\n", p.name, secret); err != nil {
			return err
		}
	}
	return nil
}
