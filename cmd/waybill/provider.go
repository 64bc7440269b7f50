package main

import (
	"context"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain/commands"
)

type providerCommand struct {
	LimitPins    providerLimitPinsCommand    `cmd:"" help:"Say how many products a provider may pin at a time; what is pinned stays."`
	LiftPinLimit providerLiftPinLimitCommand `cmd:"" help:"Let a provider pin as many products as it likes again."`
}

type providerLimitPinsCommand struct {
	Provider string `arg:"" help:"The provider's id, which is its account's, or that account's name."`
	Limit    int    `required:"" help:"The most products, from 0 to 100."`
	Reason   string `required:"" help:"Why; it shows in the audit history."`
	by
}

// Run is called by kong.
func (c providerLimitPinsCommand) Run(ctx context.Context, cfg config.Config) error {
	return c.limitPins(ctx, cfg, c.Provider, &c.Limit, c.Reason)
}

type providerLiftPinLimitCommand struct {
	Provider string `arg:"" help:"The provider's id, which is its account's, or that account's name."`
	Reason   string `required:"" help:"Why; it shows in the audit history."`
	by
}

// Run is called by kong.
func (c providerLiftPinLimitCommand) Run(ctx context.Context, cfg config.Config) error {
	return c.limitPins(ctx, cfg, c.Provider, nil, c.Reason)
}

// limitPins sets a provider's limit; nil is none.
func (b by) limitPins(ctx context.Context, cfg config.Config, provider string, limit *int, reason string) error {
	return b.onAccount(ctx, cfg, provider, func(a *app, req commands.Request, id uuid.UUID) error {
		_, err := a.commands.SetPinLimit(ctx, req, id, limit, reason)
		return err
	})
}
