package postgres

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain/webhook"
)

// WebhookSecrets keeps what deliveries are signed with, in table access.webhook_secrets. They are kept as they are: whoever signs needs
// them, and a key that would open them would lie on the same machines.
type WebhookSecrets struct{ pool *pgxpool.Pool }

var _ webhook.Secrets = (*WebhookSecrets)(nil)

// NewWebhookSecrets uses a database that Migrate has prepared.
func NewWebhookSecrets(pool *pgxpool.Pool) *WebhookSecrets { return &WebhookSecrets{pool: pool} }

// Make implements webhook.Secrets. Of those who make the same one at once, all get what the first has made.
func (s *WebhookSecrets) Make(ctx context.Context, hook, id uuid.UUID) (webhook.Kept, error) {
	var kept webhook.Kept
	secret, err := webhook.NewSecret(rand.Reader)
	if err != nil {
		return kept, err
	}
	err = afresh(func() error {
		var batch pgx.Batch
		batch.Queue(`
			insert into access.webhook_secrets (id, hook, secret, created_at) values ($1, $2, $3, now()) on conflict (id) do nothing`,
			id, hook, string(secret))
		batch.Queue(`select secret, created_at from access.webhook_secrets where id = $1 and hook = $2`, id, hook).
			QueryRow(func(row pgx.Row) error {
				var text string
				err := row.Scan(&text, &kept.CreatedAt)
				kept.Secret, kept.CreatedAt = webhook.Secret(text), kept.CreatedAt.UTC()
				return err
			})
		return s.pool.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return webhook.Kept{}, fmt.Errorf("keep a webhook's secret: %w", classify(ctx, err))
	}
	return kept, nil
}

// Of implements webhook.Secrets.
func (s *WebhookSecrets) Of(ctx context.Context, hook uuid.UUID) (map[uuid.UUID]webhook.Secret, error) {
	rows, _ := s.pool.Query(ctx, `select id, secret from access.webhook_secrets where hook = $1`, hook)
	secrets := map[uuid.UUID]webhook.Secret{}
	var (
		id   uuid.UUID
		text string
	)
	_, err := pgx.ForEachRow(rows, []any{&id, &text}, func() error {
		secrets[id] = webhook.Secret(text)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("secrets of a webhook: %w", classify(ctx, err))
	}
	return secrets, nil
}

// Forget implements webhook.Secrets.
func (s *WebhookSecrets) Forget(ctx context.Context, ids ...uuid.UUID) error {
	if _, err := execute(ctx, s.pool, `delete from access.webhook_secrets where id = any ($1)`, ids); err != nil {
		return fmt.Errorf("forget a webhook's secrets: %w", classify(ctx, err))
	}
	return nil
}
