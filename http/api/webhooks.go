package api

import (
	"context"
	"fmt"
	nethttp "net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/events"
	"waybill/domain/webhook"
	"waybill/projections/feed"
	"waybill/projections/runtime"
	"waybill/projections/webhooks"
)

// Webhooks is what the API needs of webhooks beside their commands and their read model.
type Webhooks struct {
	Secrets webhook.Secrets
	// Test sends a message that is about nothing; its error is a *webhook.Failure when it was not delivered.
	Test       func(ctx context.Context, hook, message uuid.UUID, at time.Time) error
	Deliveries *runtime.Deliveries
}

// secretShown is for how long a repeated request is answered with the secret that it made.
const secretShown = 24 * time.Hour

// behalf is on whose behalf a call is.
func behalf(c echo.Context) webhook.By {
	if in := callOf(c); in.role != domain.RoleOperator {
		return webhook.By{Provider: in.Account}
	}
	return webhook.By{Operator: true}
}

// RegisterWebhook registers one that is told of everything.
func (s *server) RegisterWebhook(c echo.Context, _ RegisterWebhookParams) error {
	return s.registerHook(c, "/api/v1/operator/webhooks/")
}

// RegisterOwnWebhook registers one that is told of what is in the provider's feed.
func (s *server) RegisterOwnWebhook(c echo.Context, _ RegisterOwnWebhookParams) error {
	return s.registerHook(c, "/api/v1/provider/webhooks/")
}

// target is where and of what a caller wants to be told. What is never in the owner's feed is refused: a webhook of it would be silent.
func target(c echo.Context) (WebhookTarget, error) {
	body, err := decode[WebhookTarget](c)
	if err != nil {
		return body, err
	}
	audience := feed.AudienceProvider
	if behalf(c).Operator {
		audience = feed.AudienceAll
	}
	var mistakes domain.Fields
	for i, name := range body.Types {
		if _, known := events.Types[name]; known && !feed.Tells(name, audience) {
			mistakes.Add(fmt.Sprintf("/types/%d", i), "not_told", "您的事件流中没有这种事件", "such events are not in your feed")
		}
	}
	return body, mistakes.Err()
}

func (s *server) registerHook(c echo.Context, at string) error {
	body, err := target(c)
	if err != nil {
		return err
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.RegisterWebhook(c.Request().Context(), req, behalf(c), body.toDomain())
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", at+out.ID.String())
	return s.withSecret(c, nethttp.StatusCreated, req, out)
}

// withSecret is written, with the secret that the request made: for as long as it signs, and for a day.
func (s *server) withSecret(c echo.Context, status int, req commands.Request, out commands.Outcome[webhook.State]) error {
	if s.Webhooks == nil {
		return commands.ErrUnavailable
	}
	answer := hookChanged(out)
	now, err := s.Commands.Webhook(c.Request().Context(), out.ID)
	if err != nil {
		return err
	}
	if now.Standing != webhook.Ended && now.Secret == req.NewSecret() {
		kept, err := s.Webhooks.Secrets.Make(c.Request().Context(), out.ID, now.Secret)
		if err != nil {
			return err
		}
		if s.web.Clock().Sub(kept.CreatedAt) < secretShown {
			answer.Secret = string(kept.Secret)
		}
	}
	return written(c, status, out, answer)
}

// ListWebhooks lists all webhooks, or those of one provider.
func (s *server) ListWebhooks(c echo.Context, params ListWebhooksParams) error {
	return s.listHooks(c, webhooks.Filter{
		Owner: params.Owner, Standing: webhook.Standing(params.State), After: params.Cursor, Limit: params.Limit, Total: params.Total,
	})
}

// ListOwnWebhooks lists the provider's.
func (s *server) ListOwnWebhooks(c echo.Context, params ListOwnWebhooksParams) error {
	return s.listHooks(c, webhooks.Filter{
		Owner: &callOf(c).Account, Standing: webhook.Standing(params.State), After: params.Cursor, Limit: params.Limit, Total: params.Total,
	})
}

func (s *server) listHooks(c echo.Context, f webhooks.Filter) error {
	page, err := s.webhooks.Hooks(c.Request().Context(), f)
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, WebhookPage{
		Items: convert(page.Rows, hookOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// GetWebhook shows any webhook.
func (s *server) GetWebhook(c echo.Context, id WebhookID, _ GetWebhookParams) error {
	return s.showHook(c, id)
}

// GetOwnWebhook shows one of the provider's.
func (s *server) GetOwnWebhook(c echo.Context, id WebhookID, _ GetOwnWebhookParams) error {
	return s.showHook(c, id)
}

func (s *server) showHook(c echo.Context, id uuid.UUID) error {
	h, err := s.webhooks.Hook(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if by := behalf(c); !by.Operator && h.Owner != by.Provider {
		return domain.ErrNotFound
	}
	return conditional(c, h.Revision, hookOf(h))
}

// ChangeWebhook changes one of the operators'.
func (s *server) ChangeWebhook(c echo.Context, id WebhookID, _ ChangeWebhookParams) error {
	return s.changeHook(c, id)
}

// ChangeOwnWebhook changes one of the provider's.
func (s *server) ChangeOwnWebhook(c echo.Context, id WebhookID, _ ChangeOwnWebhookParams) error {
	return s.changeHook(c, id)
}

func (s *server) changeHook(c echo.Context, id uuid.UUID) error {
	body, err := target(c)
	if err != nil {
		return err
	}
	return change(c, s, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[webhook.State], error) {
		return s.Commands.ChangeWebhook(ctx, req, id, behalf(c), body.toDomain())
	}, hookWritten)
}

// RotateWebhookSecret changes the secret of one of the operators'.
func (s *server) RotateWebhookSecret(c echo.Context, id WebhookID, _ RotateWebhookSecretParams) error {
	return s.rotateSecret(c, id)
}

// RotateOwnWebhookSecret changes the secret of one of the provider's.
func (s *server) RotateOwnWebhookSecret(c echo.Context, id WebhookID, _ RotateOwnWebhookSecretParams) error {
	return s.rotateSecret(c, id)
}

func (s *server) rotateSecret(c echo.Context, id uuid.UUID) error {
	body, err := decode[WebhookRotation](c)
	if err != nil {
		return err
	}
	overlap := webhook.DefaultOverlap
	if body.OverlapSeconds != nil {
		overlap = time.Duration(*body.OverlapSeconds) * time.Second
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := s.Commands.RotateWebhookSecret(c.Request().Context(), req, id, behalf(c), overlap)
	if err != nil {
		return err
	}
	return s.withSecret(c, nethttp.StatusOK, req, out)
}

// PauseWebhook pauses any webhook.
func (s *server) PauseWebhook(c echo.Context, id WebhookID, _ PauseWebhookParams) error {
	return s.reasonedHook(c, id, s.Commands.PauseWebhook)
}

// PauseOwnWebhook pauses one of the provider's.
func (s *server) PauseOwnWebhook(c echo.Context, id WebhookID, _ PauseOwnWebhookParams) error {
	return s.reasonedHook(c, id, s.Commands.PauseWebhook)
}

// RemoveWebhook removes any webhook.
func (s *server) RemoveWebhook(c echo.Context, id WebhookID, _ RemoveWebhookParams) error {
	return s.reasonedHook(c, id, s.Commands.RemoveWebhook)
}

// RemoveOwnWebhook removes one of the provider's.
func (s *server) RemoveOwnWebhook(c echo.Context, id WebhookID, _ RemoveOwnWebhookParams) error {
	return s.reasonedHook(c, id, s.Commands.RemoveWebhook)
}

func (s *server) reasonedHook(c echo.Context, id uuid.UUID,
	command func(context.Context, commands.Request, uuid.UUID, webhook.By, string) (commands.Outcome[webhook.State], error),
) error {
	body, err := decode[Reasoned](c)
	if err != nil {
		return err
	}
	return change(c, s, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[webhook.State], error) {
		return command(ctx, req, id, behalf(c), body.Reason)
	}, hookWritten)
}

// ResumeWebhook has any webhook go on.
func (s *server) ResumeWebhook(c echo.Context, id WebhookID, _ ResumeWebhookParams) error {
	return s.resumeHook(c, id)
}

// ResumeOwnWebhook has one of the provider's go on.
func (s *server) ResumeOwnWebhook(c echo.Context, id WebhookID, _ ResumeOwnWebhookParams) error {
	return s.resumeHook(c, id)
}

func (s *server) resumeHook(c echo.Context, id uuid.UUID) error {
	return change(c, s, id, func(ctx context.Context, req commands.Request, id uuid.UUID) (commands.Outcome[webhook.State], error) {
		return s.Commands.ResumeWebhook(ctx, req, id, behalf(c))
	}, hookWritten)
}

// knowsHook is domain.ErrNotFound for whom there is no such webhook.
func (s *server) knowsHook(c echo.Context, id uuid.UUID) error {
	if s.Webhooks == nil {
		return commands.ErrUnavailable
	}
	state, err := s.Commands.Webhook(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if by := behalf(c); !by.Operator && state.Owner != by.Provider {
		return domain.ErrNotFound
	}
	return nil
}

// ListWebhookDeliveries lists what any webhook got and is to get.
func (s *server) ListWebhookDeliveries(c echo.Context, id WebhookID, params ListWebhookDeliveriesParams) error {
	return s.listDeliveries(c, id, runtime.OwedFilter{
		State: string(params.State), After: params.Cursor, Limit: params.Limit, Total: params.Total,
	})
}

// ListOwnWebhookDeliveries lists that of one of the provider's.
func (s *server) ListOwnWebhookDeliveries(c echo.Context, id WebhookID, params ListOwnWebhookDeliveriesParams) error {
	return s.listDeliveries(c, id, runtime.OwedFilter{
		State: string(params.State), After: params.Cursor, Limit: params.Limit, Total: params.Total,
	})
}

func (s *server) listDeliveries(c echo.Context, id uuid.UUID, f runtime.OwedFilter) error {
	if err := s.knowsHook(c, id); err != nil {
		return err
	}
	page, err := s.Webhooks.Deliveries.List(c.Request().Context(), id.String(), f)
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, WebhookDeliveryPage{
		Items: convert(page.Rows, deliveryOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// ResendWebhookDelivery has any webhook told again.
func (s *server) ResendWebhookDelivery(c echo.Context, id WebhookID, event EventIDInPath, _ ResendWebhookDeliveryParams) error {
	return s.resend(c, id, event)
}

// ResendOwnWebhookDelivery has one of the provider's told again.
func (s *server) ResendOwnWebhookDelivery(c echo.Context, id WebhookID, event EventIDInPath, _ ResendOwnWebhookDeliveryParams) error {
	return s.resend(c, id, event)
}

func (s *server) resend(c echo.Context, id, event uuid.UUID) error {
	if err := s.knowsHook(c, id); err != nil {
		return err
	}
	req, err := s.request(c)
	if err != nil {
		return err
	}
	item, err := s.Webhooks.Deliveries.Resend(c.Request().Context(), req.ID, id.String(), event, req.Actor)
	if err != nil {
		return err
	}
	return answer(c, nethttp.StatusOK, deliveryOf(item))
}

func (t WebhookTarget) toDomain() webhook.Target {
	return webhook.Target{URL: t.URL, Types: t.Types, Label: t.Label}
}

func hookWritten(c echo.Context, status int, out commands.Outcome[webhook.State]) error {
	return written(c, status, out, hookChanged(out))
}

func hookChanged(out commands.Outcome[webhook.State]) WebhookChanged {
	s := out.State
	changed := WebhookChanged{
		ID: out.ID, Owner: s.Owner, URL: s.URL, Types: list(s.Types), Label: s.Label,
		State: WebhookChangedState(s.Standing), Reason: s.Reason,
	}
	for _, r := range s.Retiring { // the newest of them retires last
		if r.Until.After(changed.SecretsRetireAt.Time) {
			changed.SecretsRetireAt = at(r.Until)
		}
	}
	return changed
}

func hookOf(h webhooks.Hook) Webhook {
	return Webhook{
		ID: h.ID, Owner: h.Owner, URL: h.URL, Types: list(h.Types), Label: h.Label, State: WebhookState(h.Standing), Reason: h.Reason,
		RegisteredAt: at(h.RegisteredAt), SecretSince: at(h.RotatedAt), SecretsRetireAt: timeOf(h.RetiresAt), RemovedAt: timeOf(h.EndedAt),
	}
}

func deliveryOf(o runtime.Owed) WebhookDelivery {
	object, _ := o.Stream.ID()
	return WebhookDelivery{
		EventID: o.EventID, Type: o.Type, Kind: o.Stream.Category(), ObjectID: object,
		Revision: int64(o.Revision), Position: int64(o.Position), //nolint:gosec // positions fit a bigint
		State: WebhookDeliveryState(o.State), Tries: int32of(o.Tries), Error: webhook.Shown(o.Error),
		NextTry: timeOf(o.NextTry), SettledAt: timeOf(o.SettledAt),
	}
}
