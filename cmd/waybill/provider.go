package main

import (
	"context"

	"github.com/google/uuid"

	"waybill/cmd/config"
)

type providerCommand struct {
	LimitPins    providerLimitPinsCommand    `cmd:"" help:"Say how many products a provider may pin at a time; what is pinned stays."`
	LiftPinLimit providerLiftPinLimitCommand `cmd:"" help:"Let a provider pin as many products as it likes again."`
}

type providerLimitPinsCommand struct {
	Provider uuid.UUID `arg:"" help:"The provider's id, which is its account's."`
	Limit    int       `required:"" help:"The most products, from 0 to 100."`
	Reason   string    `required:"" help:"Why; it shows in the audit history."`
}

// Run is called by kong.
func (c providerLimitPinsCommand) Run(ctx context.Context, cfg config.Config) error {
	return withApp(ctx, cfg, func(a *app) error {
		_, err := a.commands.SetPinLimit(ctx, a.request(), c.Provider, &c.Limit, c.Reason)
		return err
	})
}

type providerLiftPinLimitCommand struct {
	Provider uuid.UUID `arg:"" help:"The provider's id, which is its account's."`
	Reason   string    `required:"" help:"Why; it shows in the audit history."`
}

// Run is called by kong.
func (c providerLiftPinLimitCommand) Run(ctx context.Context, cfg config.Config) error {
	return withApp(ctx, cfg, func(a *app) error {
		_, err := a.commands.SetPinLimit(ctx, a.request(), c.Provider, nil, c.Reason)
		return err
	})
}
