package commands

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/events"
	"waybill/domain/webhook"
)

// The webhooks of an owner are numbered, and the id of each derives from the owner and its number. So two that are registered at once
// want the same stream, and the later one counts the earlier: the limit holds without a lock.

// maxNumbered is how many webhooks an owner can ever register.
const maxNumbered = 1000

// WebhookID is the id of an owner's webhook by its number, from 0.
func WebhookID(owner uuid.UUID, number int) uuid.UUID {
	return uuid.NewSHA1(owner, []byte(webhook.Category+"/"+strconv.Itoa(number)))
}

// RegisterWebhook makes a webhook. NewSecret is the id of its secret, which whoever keeps the secrets makes afterwards.
func (s *Service) RegisterWebhook(ctx context.Context, req Request, by webhook.By, t webhook.Target) (Outcome[webhook.State], error) {
	owner := by.Provider
	if by.Operator {
		owner = uuid.Nil
	}
	c := webhook.Register{By: by, Target: t, Secret: req.NewSecret(), Rules: s.webhookRules()}
	for number := 0; number < maxNumbered; {
		before, err := load(ctx, s.store, req, webhook.Decider, WebhookID(owner, number))
		switch {
		case err != nil:
			return Outcome[webhook.State]{}, err
		case before.done != nil:
			return *before.done, nil
		case before.exists:
			number++
			if before.State.Standing != webhook.Ended {
				c.Others++
			}
			continue
		}
		made, err := attempt(ctx, s.store, req, webhook.Decider, before, given[webhook.State, webhook.Command](c))
		if !errors.Is(err, domain.ErrConflict) {
			return made, err
		}
	}
	return Outcome[webhook.State]{}, webhook.ErrLimit
}

// ChangeWebhook gives a webhook another target.
func (s *Service) ChangeWebhook(ctx context.Context, req Request, id uuid.UUID, by webhook.By,
	t webhook.Target,
) (Outcome[webhook.State], error) {
	return s.webhook(ctx, req, id, webhook.Change{By: by, Target: t, Rules: s.webhookRules()})
}

// RotateWebhookSecret signs with the secret NewSecret as well, and after overlap with it alone.
func (s *Service) RotateWebhookSecret(ctx context.Context, req Request, id uuid.UUID, by webhook.By,
	overlap time.Duration,
) (Outcome[webhook.State], error) {
	return s.webhook(ctx, req, id, webhook.RotateSecret{By: by, Secret: req.NewSecret(), Overlap: overlap, At: req.At})
}

// PauseWebhook keeps what happens until the webhook is resumed.
func (s *Service) PauseWebhook(ctx context.Context, req Request, id uuid.UUID, by webhook.By,
	reason string,
) (Outcome[webhook.State], error) {
	return s.webhook(ctx, req, id, webhook.Pause{By: by, Reason: reason})
}

// ResumeWebhook has deliveries go on.
func (s *Service) ResumeWebhook(ctx context.Context, req Request, id uuid.UUID, by webhook.By) (Outcome[webhook.State], error) {
	return s.webhook(ctx, req, id, webhook.Resume{By: by})
}

// RemoveWebhook ends a webhook for good.
func (s *Service) RemoveWebhook(ctx context.Context, req Request, id uuid.UUID, by webhook.By,
	reason string,
) (Outcome[webhook.State], error) {
	return s.webhook(ctx, req, id, webhook.Remove{By: by, Reason: reason})
}

// Webhook is a webhook as the log has it now; domain.ErrNotFound when there is none.
func (s *Service) Webhook(ctx context.Context, id uuid.UUID) (webhook.State, error) {
	now, err := upToDate(ctx, s.store, &s.webhooks, webhook.Decider, id)
	if err == nil && !now.exists {
		err = domain.ErrNotFound
	}
	return now.State, err
}

// NewSecret is the id of the secret that the request makes: the same request makes the same one.
func (r Request) NewSecret() uuid.UUID { return r.newID("webhook-secret") }

func (s *Service) webhookRules() webhook.Rules {
	rules := s.sources.Webhooks
	for name := range events.Types {
		rules.Types = append(rules.Types, name)
	}
	return rules
}

func (s *Service) webhook(ctx context.Context, req Request, id uuid.UUID, c webhook.Command) (Outcome[webhook.State], error) {
	return execute(ctx, s.store, req, webhook.Decider, id, given[webhook.State](c))
}
