package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/account"
	"waybill/domain/provider"
)

// importAt is how many events are imported at once.
const importAt = 10_000

// imported is a log that is written past the commands, with what they would have left.
type imported struct {
	*database
	waiting []domain.RecordedEvent
}

// write appends facts to a new stream, as if they had happened a second after each other from a time on.
func (l *imported) write(ctx context.Context, category string, id uuid.UUID, at time.Time, by domain.Actor, facts ...domain.Event) error {
	for i, fact := range facts {
		at = at.Add(time.Second)
		e, err := asRecorded(domain.Stream(category, id), domain.Revision(i), at, by, fact)
		if err != nil {
			return err
		}
		l.waiting = append(l.waiting, e)
	}
	if len(l.waiting) < importAt {
		return nil
	}
	return l.flush(ctx)
}

// flush imports what still waits for that.
func (l *imported) flush(ctx context.Context) error {
	_, err := l.store.Import(ctx, l.waiting)
	l.waiting = l.waiting[:0]
	return err
}

// reviewer opens a reviewer's account, and issues a token for an hour.
func (l *imported) reviewer(ctx context.Context, id uuid.UUID, at time.Time) (access.Secret, error) {
	token, err := postgres.NewTokens(l.pool).Issue(ctx, id, []domain.Role{domain.RoleReviewer}, "bench", time.Now().Add(time.Hour))
	if err != nil {
		return "", err
	}
	return token, l.write(ctx, account.Category, id, at, domain.System,
		account.Opened{DisplayName: "审核员"}, account.RoleGranted{Role: domain.RoleReviewer})
}

// provider has the enterprise number i apply and be approved.
func (l *imported) provider(ctx context.Context, id uuid.UUID, at time.Time, i int) error {
	profile := provider.Profile{Type: provider.Logistics, Name: fmt.Sprintf("三亚测试物流%d号公司", i)}
	return l.write(ctx, provider.Category, id, at, domain.Actor{ID: id, Role: domain.RoleEnterprise},
		provider.Applied{Revision: 1, Profile: profile}, provider.Approved{Revision: 1})
}

// asRecorded is a fact as an event of a log.
func asRecorded(stream domain.StreamName, revision domain.Revision, at time.Time, actor domain.Actor,
	fact domain.Event,
) (domain.RecordedEvent, error) {
	e := domain.RecordedEvent{ID: uuid.New(), Stream: stream, Revision: revision, Type: fact.EventType(), RecordedAt: at}
	var err error
	if e.Data, err = json.Marshal(fact); err != nil {
		return e, err
	}
	e.Metadata, err = json.Marshal(domain.Metadata{
		Actor: actor, At: at, CausationID: e.ID, CorrelationID: e.ID, Schema: domain.MetadataSchema,
	})
	return e, err
}
