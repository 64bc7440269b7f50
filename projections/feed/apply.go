package feed

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// object is a product or a booking: whose it is.
type object struct {
	id                   uuid.UUID
	kind                 string
	provider, enterprise uuid.UUID
	noted                []int64
	changed              bool
}

// batch is what the events of one Apply touch.
type batch struct {
	objects map[domain.StreamName]*object
	last    map[Scope]int64
	moved   map[Scope]bool
	rows    columns
	// at are the rows of the batch's events that repeat what somebody said, by position.
	noted map[int64][]int
	facts map[int64]domain.Event
	// late are rows of events that come after later ones, as dead letters do that are tried again.
	late []int
	// blanked are positions whose rows, of earlier batches, are to lose what somebody said.
	blanked []int64
}

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	b := &batch{
		objects: map[domain.StreamName]*object{}, last: map[Scope]int64{}, moved: map[Scope]bool{},
		noted: map[int64][]int{}, facts: map[int64]domain.Event{},
	}
	if err := b.loadObjects(ctx, tx, events); err != nil {
		return err
	}
	scopes := make([][]Scope, len(events))
	for i, e := range events {
		id, err := e.Stream.ID()
		if err != nil {
			return err
		}
		scopes[i] = b.scopesOf(id, e)
	}
	if err := b.loadScopes(ctx, tx, scopes); err != nil {
		return err
	}
	for i, e := range events {
		if err := b.add(e, scopes[i]); err != nil {
			return e.Wrong(err)
		}
	}
	return b.write(ctx, tx)
}

// owned are the categories whose events do not say by themselves whose they are.
func owned(category string) bool { return category == product.Category || category == booking.Category }

func (b *batch) loadObjects(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	var ids projections.Keys
	for _, e := range events {
		if !owned(e.Stream.Category()) || b.objects[e.Stream] != nil {
			continue
		}
		id, err := e.Stream.ID()
		if err != nil {
			return err
		}
		b.objects[e.Stream] = &object{id: id, kind: e.Stream.Category()}
		if e.Revision > 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var load pgx.Batch
	load.Queue(projections.ByIndex)
	load.Queue(`SELECT id, kind, provider, enterprise, noted FROM objects WHERE id = ANY ($1)`, ids).Query(func(rows pgx.Rows) error {
		var o object
		_, err := pgx.ForEachRow(rows, []any{&o.id, &o.kind, &o.provider, &o.enterprise, &o.noted}, func() error {
			if into := b.objects[domain.Stream(o.kind, o.id)]; into != nil {
				*into = o
			}
			o.noted = nil
			return nil
		})
		return err
	})
	if err := tx.SendBatch(ctx, &load).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

// scopesOf are the scopes in which an event is seen, by the rules and by whose object it is about. A product or a booking whose
// beginning was skipped is nobody's own.
func (b *batch) scopesOf(id uuid.UUID, e projections.Event) []Scope {
	o := b.objects[e.Stream]
	switch fact := e.Fact.(type) {
	case product.Submitted:
		o.provider, o.changed = fact.ProviderID, true
	case booking.Requested:
		o.provider, o.enterprise, o.changed = fact.ProviderID, fact.EnterpriseID, true
	}
	sees := shown[e.Type].sees
	scopes := make([]Scope, 0, len(sees))
	for _, audience := range sees {
		of := Scope{Audience: audience}
		switch audience {
		case AudienceProvider:
			if of.Owner = id; o != nil {
				of.Owner = o.provider
			}
		case AudienceEnterprise:
			if of.Owner = id; o != nil {
				of.Owner = o.enterprise
			}
		case AudienceAll, AudienceReview:
			scopes = append(scopes, of)
			continue
		}
		if of.Owner != uuid.Nil && ownedBy(e.Stream.Category(), audience) {
			scopes = append(scopes, of)
		}
	}
	return scopes
}

// ownedBy reports whether streams of a category have an owner of an audience: the table of rules could not say otherwise than wrongly.
func ownedBy(category string, audience Audience) bool {
	switch category {
	case provider.Category, product.Category:
		return audience == AudienceProvider
	case account.Category:
		return audience == AudienceEnterprise
	case booking.Category:
		return true
	}
	return false
}

func (b *batch) loadScopes(ctx context.Context, tx pgx.Tx, scopes [][]Scope) error {
	var audiences []string
	var owners projections.Keys
	for _, of := range scopes {
		for _, s := range of {
			if _, ok := b.last[s]; !ok {
				b.last[s] = 0
				audiences, owners = append(audiences, string(s.Audience)), append(owners, s.Owner)
			}
		}
	}
	var load pgx.Batch
	load.Queue(projections.ByIndex)
	load.Queue(`SELECT s.audience, s.owner, s.last FROM unnest($1::text[], $2::uuid[]) AS n (audience, owner)
		JOIN scopes s ON s.audience = n.audience AND s.owner = n.owner`, audiences, owners).Query(func(rows pgx.Rows) error {
		var (
			s    Scope
			last int64
		)
		_, err := pgx.ForEachRow(rows, []any{&s.Audience, &s.Owner, &last}, func() error {
			b.last[s] = last
			return nil
		})
		return err
	})
	if err := tx.SendBatch(ctx, &load).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

// add makes the rows of an event.
func (b *batch) add(e projections.Event, scopes []Scope) error {
	rule := shown[e.Type]
	data, noted, err := rule.data(e.Fact, false)
	if err != nil {
		return err
	}
	position := int64(e.Position) //nolint:gosec // fits a bigint
	o := b.objects[e.Stream]
	if noted && o != nil {
		o.noted, o.changed = append(o.noted, position), true
		b.facts[position] = e.Fact
	}
	for _, s := range scopes {
		row := b.rows.add(e, s, b.last[s], data)
		if noted {
			b.noted[position] = append(b.noted[position], row)
		}
		if position < b.last[s] {
			b.late = append(b.late, row)
			continue
		}
		b.last[s], b.moved[s] = position, true
	}
	if _, ok := e.Fact.(product.Deleted); ok {
		return b.delete(o)
	}
	return nil
}

// delete takes out of the feed what was said of an object.
func (b *batch) delete(o *object) error {
	for _, position := range o.noted {
		fact, ok := b.facts[position]
		if !ok {
			b.blanked = append(b.blanked, position)
			continue
		}
		data, _, err := shown[fact.EventType()].data(fact, true)
		if err != nil {
			return err
		}
		for _, row := range b.noted[position] {
			b.rows.data[row] = data
		}
	}
	o.noted, o.changed = nil, true
	return nil
}
