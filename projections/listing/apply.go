package listing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

// batchFold folds the events of one batch by product and provider, on top of what the tables hold of them.
type batchFold struct {
	products  map[uuid.UUID]*productRow
	providers map[uuid.UUID]*providerRow
	// order is that of their first events, so that rows come to lie in the order of the list.
	order []*productRow
	// Those the tables may hold.
	loadProducts, loadProviders projections.Keys
	// read are those whose pending content is looked into, and revoked those whose content may await approval again.
	read, revoked projections.Keys
}

type productRow struct {
	id, providerID uuid.UUID
	createdAt      time.Time
	pinned, listed bool
	liveRevision   domain.ContentRevision
	revision       domain.Revision
	pending        pendingContent

	// live is set when its content changed in this batch, and point when only where that is was found.
	live    *located
	point   *place.Point
	shown   *located // what the tables have as its content, of one that is revoked
	deleted bool
	// What the tables hold: stored says that they do.
	stored, wasPublic, wasPinned bool
	owner                        provider.Standing
	// withheld says that its stream or its provider's is parked.
	withheld bool
}

type providerRow struct {
	id                       uuid.UUID
	standing                 provider.Standing
	liveRevision             domain.ContentRevision
	name, logo, introduction string
	revision                 domain.Revision
	pending                  pendingContent

	wasActive, changed bool
	// withheld says that its stream is parked.
	withheld bool
}

func (p *providerRow) active() bool { return p.standing == provider.StandingActive }

// pendingContent is the latest submission while it awaits approval: decoded when it came in this batch, else as stored.
type pendingContent struct {
	revision domain.ContentRevision
	content  any
	stored   json.RawMessage
	changed  bool
}

func (p *pendingContent) submit(revision domain.ContentRevision, content any) {
	*p = pendingContent{revision: revision, content: content, changed: true}
}

// take is the content that was submitted as revision.
func take[T any](p *pendingContent, revision domain.ContentRevision) (*T, error) {
	if p.revision != revision {
		return nil, fmt.Errorf("approval of revision %d, but %d is pending", revision, p.revision)
	}
	content, err := look[T](p)
	*p = pendingContent{changed: true}
	return &content, err
}

// look is the content that is pending.
func look[T any](p *pendingContent) (T, error) {
	content, ok := p.content.(T)
	if !ok {
		if err := json.Unmarshal(p.stored, &content); err != nil {
			return content, fmt.Errorf("pending content: %w", err)
		}
	}
	return content, nil
}

func newBatchFold(events []projections.Event) *batchFold {
	b := &batchFold{products: map[uuid.UUID]*productRow{}, providers: map[uuid.UUID]*providerRow{}}
	for _, e := range events {
		id, err := e.Stream.ID()
		if err != nil {
			continue // fold reports it
		}
		switch e.Fact.(type) {
		case provider.Approved, product.Approved, product.PlaceMatched:
			b.read = append(b.read, id)
		case product.ApprovalRevoked:
			b.revoked = append(b.revoked, id)
		}
		switch fact := e.Fact.(type) {
		case provider.Applied, provider.Revised, provider.Approved, provider.Rejected,
			provider.Suspended, provider.Reinstated, provider.Closed, provider.PinLimitSet,
			provider.FirstApproved, provider.ApprovalRevoked:
			b.needProvider(id)
		case product.Submitted:
			b.needProvider(fact.ProviderID)
			b.addProduct(id)
		default:
			if _, ok := b.products[id]; !ok {
				b.addProduct(id)
				b.loadProducts = append(b.loadProducts, id)
			}
		}
	}
	return b
}

func (b *batchFold) addProduct(id uuid.UUID) {
	p := &productRow{id: id}
	b.products[id] = p
	b.order = append(b.order, p)
}

func (b *batchFold) needProvider(id uuid.UUID) {
	if _, ok := b.providers[id]; !ok {
		b.providers[id] = &providerRow{id: id}
		b.loadProviders = append(b.loadProviders, id)
	}
}

func (b *batchFold) load(ctx context.Context, tx pgx.Tx) error {
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	batch.Queue(`SELECT p.id, p.provider_id, p.created_at, p.public, p.pinned, p.listed, p.live_revision, p.revision,
			coalesce(n.revision, 0), CASE WHEN p.id = ANY ($2) THEN n.content END, coalesce(v.standing, ''),
			EXISTS (SELECT FROM withheld w WHERE w.subject IN (p.id, p.provider_id))
		FROM products p LEFT JOIN pending n ON n.subject = p.id LEFT JOIN providers v ON v.id = p.provider_id
		WHERE p.id = ANY ($1)`, b.loadProducts, b.read).Query(func(rows pgx.Rows) error {
		var r productRow
		_, err := pgx.ForEachRow(rows, []any{
			&r.id, &r.providerID, &r.createdAt, &r.wasPublic, &r.pinned, &r.listed, &r.liveRevision, &r.revision,
			&r.pending.revision, &r.pending.stored, &r.owner, &r.withheld,
		}, func() error {
			p := b.products[r.id]
			*p = r
			p.stored, p.wasPinned = true, r.pinned
			r.pending.stored = nil
			return nil
		})
		return err
	})
	batch.Queue(`SELECT v.id, v.standing, v.live_revision, v.name, v.logo, v.introduction, v.revision, coalesce(n.revision, 0), CASE WHEN v.id = ANY ($2) THEN n.content END,
			EXISTS (SELECT FROM withheld w WHERE w.subject = v.id)
		FROM providers v LEFT JOIN pending n ON n.subject = v.id
		WHERE v.id = ANY ($1)`, b.loadProviders, b.read).Query(func(rows pgx.Rows) error {
		var r providerRow
		_, err := pgx.ForEachRow(rows, []any{
			&r.id, &r.standing, &r.liveRevision, &r.name, &r.logo, &r.introduction,
			&r.revision, &r.pending.revision, &r.pending.stored, &r.withheld,
		}, func() error {
			p := b.providers[r.id]
			*p = r
			p.wasActive = p.active()
			r.pending.stored = nil
			return nil
		})
		return err
	})
	if len(b.revoked) > 0 {
		batch.Queue(selectShown, b.revoked).Query(b.loadShown)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

func (b *batchFold) fold(e projections.Event) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	if v, ok := b.providers[id]; ok && e.Stream.Category() == provider.Category {
		err = v.fold(e)
	} else {
		err = b.products[id].fold(e)
	}
	if err != nil {
		return e.Wrong(err)
	}
	return nil
}

func (p *providerRow) fold(e projections.Event) error {
	p.standing = p.standing.After(e.Fact)
	switch fact := e.Fact.(type) {
	case provider.Applied:
		p.pending.submit(fact.Revision, fact.Profile)
	case provider.Revised:
		p.pending.submit(fact.Revision, fact.Profile)
	case provider.Approved:
		profile, err := take[provider.Profile](&p.pending, fact.Revision)
		if err != nil {
			return err
		}
		p.liveRevision, p.name, p.logo, p.introduction = fact.Revision, profile.Name, string(profile.Logo), profile.Introduction
	case provider.ApprovalRevoked:
		if p.pending.revision == 0 {
			p.pending.submit(fact.Revision, provider.Profile{
				Name: p.name, Logo: domain.ImageRef(p.logo), Introduction: p.introduction,
			})
		}
		p.liveRevision, p.name, p.logo, p.introduction = 0, "", "", ""
	case provider.Rejected, provider.Suspended, provider.Reinstated, provider.Closed, provider.PinLimitSet, provider.FirstApproved:
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	p.revision, p.changed = e.Revision, true
	return nil
}

func (p *productRow) fold(e projections.Event) error {
	if fact, ok := e.Fact.(product.Submitted); ok {
		p.providerID, p.createdAt = fact.ProviderID, projections.EventTime(e)
		p.pending.submit(fact.Revision, located{fact.Content, fact.Point})
		p.revision = e.Revision
		return nil
	}
	if p.createdAt.IsZero() || p.deleted {
		return fmt.Errorf("%s of a product that is not there", e.Type)
	}
	switch fact := e.Fact.(type) {
	case product.Revised:
		p.pending.submit(fact.Revision, located{fact.Content, fact.Point})
	case product.PlaceMatched:
		if err := p.match(fact); err != nil {
			return err
		}
	case product.Approved:
		content, err := take[located](&p.pending, fact.Revision)
		if err != nil {
			return err
		}
		p.liveRevision, p.live, p.point = fact.Revision, content, nil
	case product.ApprovalRevoked:
		if err := p.revoke(fact.Revision); err != nil {
			return err
		}
	case product.Rejected:
	case product.Listed:
		p.listed = true
	case product.Unlisted, product.TakenDown:
		p.listed = false
	case product.Pinned:
		p.pinned = true
	case product.Unpinned:
		p.pinned = false
	case product.Deleted:
		p.deleted = true
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	p.revision = e.Revision
	return nil
}

// match puts a revision, which is pending or live, where it was matched to be.
func (p *productRow) match(fact product.PlaceMatched) error {
	switch fact.Revision {
	case p.pending.revision:
		content, err := look[located](&p.pending)
		if err != nil {
			return err
		}
		content.Point = fact.Point
		p.pending.submit(fact.Revision, content)
	case p.liveRevision:
		if p.live != nil {
			p.live.Point = fact.Point
		} else {
			p.point = &fact.Point
		}
	default:
		return fmt.Errorf("match of revision %d, but %d is pending and %d live", fact.Revision, p.pending.revision, p.liveRevision)
	}
	return nil
}
