package reactions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/webhook"
	"waybill/projections"
	"waybill/projections/feed"
	"waybill/projections/runtime"
	"waybill/projections/webhooks"
)

// Names of the reaction that tells webhooks.
const (
	Webhooks       = "tell_webhooks"
	WebhooksStored = "reaction_tell_webhooks" // never changed
)

// Bounds of deliveries to webhooks.
const (
	webhookDeliverers   = 32
	webhookPerRecipient = 4
	// webhookKeeps is for how long it is remembered what was delivered.
	webhookKeeps = 90 * 24 * time.Hour
	// secretsLinger is for how long a secret that has retired is kept, as clocks differ.
	secretsLinger = time.Hour
)

// webhookPauses are those between the attempts: 25 hours in all, as an outage of a day is to lose nothing. None is longer than an hour,
// since what came later about the same object waits meanwhile.
var webhookPauses = append([]time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
}, slices.Repeat([]time.Duration{time.Hour}, 24)...)

// Outside is how Waybill reaches the receivers of webhooks.
type Outside struct {
	// Courier sends one message; its errors are *webhook.Failure.
	Courier Courier
	Secrets webhook.Secrets
	// Observe, when given, hears of each attempt: what came of it, and how long it took.
	Observe func(result string, took time.Duration)
	// Pauses replace those between the attempts, for tests; Timeout of the courier is its own.
	Pauses []time.Duration
}

// Courier sends messages.
type Courier interface {
	Send(ctx context.Context, m webhook.Message) error
}

// What comes of an attempt.
const (
	Delivered = "delivered"
	Failed    = "failed"
	GoneAway  = "gone"
)

// teller tells webhooks what the feed has for their owners.
type teller struct {
	service *commands.Service
	pool    *pgxpool.Pool
	feed    feed.Queries
	hooks   webhooks.Queries
	outside Outside
}

func tellWebhooks(service *commands.Service, pool *pgxpool.Pool, outside ...Outside) runtime.Reaction {
	t := teller{service: service, pool: pool, feed: feed.Queries{DB: pool}, hooks: webhooks.Queries{DB: pool}}
	pauses := webhookPauses
	for _, o := range outside {
		t.outside = o
		if o.Pauses != nil {
			pauses = o.Pauses
		}
	}
	return runtime.Reaction{
		Name: Webhooks, StoredName: WebhooksStored, Begins: runtime.FromNow,
		Applies: feed.Model.Applies, PassesOver: feed.Model.PassesOver,
		Handle: t.handle, Deliver: t.deliver, Held: t.hooks.Held,
		Pauses: pauses, Deliverers: webhookDeliverers, PerRecipient: webhookPerRecipient,
		Rare: true, Keeps: webhookKeeps,
	}
}

// handle owes the event to each webhook whose owner's feed has it and that was registered before.
func (t teller) handle(ctx context.Context, e projections.Event) ([]runtime.Item, error) {
	told, err := t.shown(ctx, e)
	if err != nil {
		return nil, err
	}
	if _, ok := e.Fact.(webhook.Removed); ok {
		if err := t.forget(ctx, e); err != nil {
			return nil, err
		}
	}
	if !told {
		return nil, nil
	}
	items, err := t.feed.At(ctx, e.Position)
	if err != nil {
		return nil, err
	}
	var owners []uuid.UUID
	for _, i := range items {
		if i.EventID != e.ID {
			return nil, runtime.ErrBehind // it shows another log
		}
		if i.Scope.Audience == feed.AudienceAll || i.Scope.Audience == feed.AudienceProvider {
			owners = append(owners, i.Scope.Owner)
		}
	}
	if len(owners) == 0 {
		return nil, nil
	}
	hooks, err := t.hooks.Told(ctx, e.Position, owners)
	if err != nil {
		return nil, err
	}
	var owed []runtime.Item
	for _, h := range hooks {
		if h.Wants(e.Type) {
			owed = append(owed, runtime.Item{Recipient: h.ID.String(), Object: h.ID.String() + "/" + string(e.Stream)})
		}
	}
	return owed, nil
}

// shown is runtime.ErrBehind until both read models show e, and false when there is no webhook to tell. The feed shows nothing behind a
// stream that stands still.
func (t teller) shown(ctx context.Context, e projections.Event) (told bool, err error) {
	var hooks, items domain.Position
	err = t.pool.QueryRow(ctx, `SELECT coalesce(min(position) FILTER (WHERE projection = $1), 0),
			coalesce(least(min(position) FILTER (WHERE projection = $2), (SELECT min(until) FROM `+feed.Model.Schema+`.parked)), 0),
			EXISTS (SELECT FROM `+webhooks.Model.Schema+`.hooks WHERE standing <> 'removed' AND position < $3)
		FROM projections.checkpoints WHERE projection IN ($1, $2)`, webhooks.Model.Schema, feed.Model.Schema, e.Position).
		Scan(&hooks, &items, &told)
	switch {
	case err != nil:
		return false, fmt.Errorf("positions of the feed and the webhooks: %w", err)
	case hooks < e.Position, told && items < e.Position:
		return false, runtime.ErrBehind
	}
	return told, nil
}

// forget deletes the secrets of a webhook that was removed.
func (t teller) forget(ctx context.Context, e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil || t.outside.Secrets == nil {
		return err
	}
	secrets, err := t.outside.Secrets.Of(ctx, id)
	if err != nil {
		return err
	}
	for secret := range secrets {
		if err := t.outside.Secrets.Forget(ctx, secret); err != nil {
			return err
		}
	}
	return nil
}

// later puts a delivery off without an attempt.
func later(why string, after time.Duration) error {
	return &runtime.Undelivered{Err: errors.New(why), Untried: true, After: after}
}

// never skips a delivery.
func never(why string) error { return &runtime.Undelivered{Err: errors.New(why), Never: true} }

// deliver sends one event to one webhook, as the feed of its owner has it now.
func (t teller) deliver(ctx context.Context, d runtime.Delivery) error {
	id, err := uuid.Parse(d.Recipient)
	if err != nil {
		return err
	}
	if t.outside.Courier == nil {
		return later(webhook.WordInternal, time.Minute)
	}
	state, secrets, err := t.target(ctx, id)
	if err != nil {
		return err
	}
	switch state.Standing {
	case webhook.Ended:
		return never(webhook.WordRemoved)
	case webhook.OnHold:
		return later(webhook.WordPaused, time.Second)
	}
	if state.Owner != uuid.Nil {
		suspended, closed, err := t.hooks.Standing(ctx, state.Owner)
		switch {
		case err != nil:
			return err
		case closed:
			return never(webhook.WordClosed)
		case suspended:
			return later(webhook.WordSuspended, time.Second)
		}
	}
	body, err := t.body(ctx, d.Event, state.Owner)
	if err != nil {
		return err
	}
	return t.send(ctx, id, webhook.Message{ID: d.Event.ID, URL: state.URL, At: t.service.Now(), Body: body, Secrets: secrets})
}

// target is a webhook as the log has it, and the secrets that sign now. The secrets are read first: one that is there then is named in
// the log that is read after it, so that what the log does not name is not needed any more.
func (t teller) target(ctx context.Context, id uuid.UUID) (webhook.State, []webhook.Secret, error) {
	kept, err := t.outside.Secrets.Of(ctx, id)
	if err != nil {
		return webhook.State{}, nil, err
	}
	state, err := t.service.Webhook(ctx, id)
	if err != nil {
		return state, nil, err
	}
	now := t.service.Now()
	var secrets []webhook.Secret
	for _, signing := range state.Signing(now) {
		if secret, ok := kept[signing]; ok {
			secrets = append(secrets, secret)
		}
	}
	needed := state.Signing(now.Add(-secretsLinger))
	for known := range kept {
		if !slices.Contains(needed, known) {
			if err := t.outside.Secrets.Forget(ctx, known); err != nil {
				return state, nil, err
			}
		}
	}
	return state, secrets, nil
}

// send makes one attempt. A receiver that wants no more has its webhook paused, and what waits is kept.
func (t teller) send(ctx context.Context, id uuid.UUID, m webhook.Message) error {
	began := time.Now()
	err := t.outside.Courier.Send(ctx, m)
	var failure *webhook.Failure
	result := Delivered
	switch {
	case errors.As(err, &failure) && failure.Gone:
		result = GoneAway
	case err != nil:
		result = Failed
	}
	if t.outside.Observe != nil {
		t.outside.Observe(result, time.Since(began))
	}
	switch {
	case err == nil:
		return nil
	case failure == nil:
		return err
	case !failure.Gone:
		return &runtime.Undelivered{Err: failure, After: failure.After}
	}
	request := commands.Request{ID: uuid.New(), Actor: domain.System, CorrelationID: m.ID, At: t.service.Now()}
	if _, err := t.service.PauseWebhook(ctx, request, id, webhook.By{Operator: true}, webhook.Gone); err != nil {
		return fmt.Errorf("pause webhook %s: %w", id, err)
	}
	return &runtime.Undelivered{Err: failure, Untried: true}
}

// told is the body of a message: an item of the feed, as GET /api/v1/events has it.
type told struct {
	Position domain.Position `json:"position"`
	Previous domain.Position `json:"previous"`
	ID       uuid.UUID       `json:"id"`
	Type     string          `json:"type"`
	Kind     string          `json:"kind"`
	ObjectID uuid.UUID       `json:"object_id"`
	Revision domain.Revision `json:"revision"`
	At       string          `json:"at"`
	Data     json.RawMessage `json:"data"`
}

func bodyOf(i feed.Item) ([]byte, error) {
	return json.Marshal(told{
		Position: i.Position, Previous: i.Previous, ID: i.EventID, Type: i.Type, Kind: i.Kind, ObjectID: i.ObjectID, Revision: i.Revision,
		At: i.At.UTC().Format(projections.TimeLayout), Data: i.Data,
	})
}

// body is the item that the owner's feed has of an event.
func (t teller) body(ctx context.Context, e projections.Event, owner uuid.UUID) ([]byte, error) {
	scope := feed.All()
	if owner != uuid.Nil {
		scope = feed.Provider(owner)
	}
	items, err := t.feed.At(ctx, e.Position)
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		if i.Scope == scope && i.EventID == e.ID {
			return bodyOf(i)
		}
	}
	return nil, later(webhook.WordBehind, time.Second)
}

// SendTest sends a webhook a message that is about nothing but itself, at once and once. The error is a *webhook.Failure when it was
// not delivered.
func SendTest(ctx context.Context, service *commands.Service, outside Outside, id, message uuid.UUID, at time.Time) error {
	t := teller{service: service, outside: outside}
	state, secrets, err := t.target(ctx, id)
	if err != nil {
		return err
	}
	if state.Standing == webhook.Ended {
		return webhook.ErrRemoved
	}
	body, err := bodyOf(feed.Item{
		EventID: message, Type: TestMessage, Kind: webhook.Category, ObjectID: id, At: at, Data: json.RawMessage(`{}`),
	})
	if err != nil {
		return err
	}
	return outside.Courier.Send(ctx, webhook.Message{ID: message, URL: state.URL, At: at, Body: body, Secrets: secrets})
}

// TestMessage is the type of what SendTest sends. No event has it.
const TestMessage = "webhook-test"
