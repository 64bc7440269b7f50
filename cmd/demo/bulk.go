package demo

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// bulkChunk is how many events go to the store in one transaction.
const bulkChunk = 20_000

// bulk makes a very large world: the same facts the commands would have recorded, in an order they would have allowed,
// without the round trips.
type bulk struct {
	rng      *rand.Rand
	at       time.Time
	reviewer domain.Actor
	sellers  []domain.Actor
	out      []domain.RecordedEvent
	total    int
	flush    func([]domain.RecordedEvent) error
}

// Importer is a store that takes many events of many streams at once, as postgres.EventStore does.
type Importer interface {
	// Import adds events in the order given, all or none, and returns the last one's position. Errors are Append's.
	Import(ctx context.Context, events []domain.RecordedEvent) (domain.Position, error)
}

// Bulk appends a world of so many products and, if more are asked for, so many events in all to an empty log. It returns how
// many events there are then.
func Bulk(ctx context.Context, store Importer, products, events int) (int, error) {
	b := &bulk{
		rng: rand.New(rand.NewPCG(1, uint64(products))), //nolint:gosec // a demo world, the same every time
		at:  time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		flush: func(events []domain.RecordedEvent) error {
			_, err := store.Import(ctx, events)
			return err
		},
	}
	err := b.world(products, events)
	return b.total, err
}

// world writes reviewers, one provider per 5,000 products, and the products, each with its share of the events.
func (b *bulk) world(products, events int) error {
	b.reviewer = domain.Actor{ID: b.id(), Role: domain.RoleReviewer}
	err := b.stream("account", b.reviewer.ID, domain.System,
		account.Opened{DisplayName: "审核员"}, account.RoleGranted{Role: domain.RoleReviewer})
	if err != nil {
		return err
	}
	for i := range 1 + products/5000 {
		if err := b.provider(i); err != nil {
			return err
		}
	}
	for i := range products {
		// What is left, spread evenly over the products that are left; three is a product that is simply listed.
		share := max(3, (events-b.total)/(products-i))
		if err := b.product(i, share); err != nil {
			return err
		}
	}
	return b.send()
}

func (b *bulk) provider(i int) error {
	d := providers[i%len(providers)]
	seller := domain.Actor{ID: b.id(), Role: domain.RoleProvider}
	b.sellers = append(b.sellers, seller)
	e := d.enterprise
	e.Name = fmt.Sprintf("%s%d部", e.Name, i+1)
	err := b.stream("account", seller.ID, domain.System,
		account.Opened{DisplayName: e.Name}, account.Certified{Enterprise: e, Source: "operator"})
	if err != nil {
		return err
	}
	return b.stream("provider", seller.ID, seller,
		provider.Applied{Revision: 1, Profile: provider.Profile{
			Type: "logistics", Name: e.Name, USCC: e.USCC, LegalRepresentative: e.LegalRepresentative, Contact: d.contact,
			Address: d.address, Phone: d.phone, Introduction: d.introduction, Licence: image("licence"), Logo: image("logo"),
		}},
		provider.Approved{Revision: 1})
}

// product is submitted, approved and listed; further events go round: revised, approved, pinned, unpinned.
func (b *bulk) product(i, events int) error {
	d := providers[b.rng.IntN(len(providers))]
	p := d.products[b.rng.IntN(len(d.products))]
	p.name = fmt.Sprintf("%s%d号", p.name, i+1)
	content := p.content("bulk")
	seller := b.sellers[b.rng.IntN(len(b.sellers))]
	facts := []domain.Event{
		product.Submitted{ProviderID: seller.ID, Revision: 1, Content: content},
		product.Approved{Revision: 1},
		product.Listed{},
	}
	revision := domain.ContentRevision(1)
	for len(facts) < events {
		switch (len(facts) - 3) % 4 {
		case 0:
			revision++
			facts = append(facts, product.Revised{Revision: revision, Content: content})
		case 1:
			facts = append(facts, product.Approved{Revision: revision})
		case 2:
			facts = append(facts, product.Pinned{})
		case 3:
			facts = append(facts, product.Unpinned{})
		}
	}
	// One in a thousand stays pinned, so that the first pages show it.
	if i%1000 == 999 && (len(facts)-3)%4 != 3 {
		facts = append(facts, product.Pinned{})
	}
	return b.stream("product", b.id(), seller, facts...)
}

// stream writes a whole stream: decisions by the reviewer, everything else by owner, one second apart.
func (b *bulk) stream(category string, id uuid.UUID, owner domain.Actor, facts ...domain.Event) error {
	stream, recordedAt := domain.Stream(category, id), time.Now().UTC()
	b.at = b.at.Add(time.Second)
	for i, fact := range facts {
		actor := owner
		switch fact.(type) {
		case product.Approved, product.Rejected, provider.Approved, provider.Rejected:
			actor = b.reviewer
		}
		data, err := json.Marshal(fact)
		if err != nil {
			return err
		}
		cause := b.id()
		metadata, err := json.Marshal(domain.Metadata{
			Actor: actor, At: b.at.Add(time.Duration(i) * time.Second), CausationID: cause, CorrelationID: cause,
			Schema: domain.MetadataSchema,
		})
		if err != nil {
			return err
		}
		b.out = append(b.out, domain.RecordedEvent{
			ID: b.id(), Stream: stream, Revision: domain.Revision(i), Type: fact.EventType(),
			Data: data, Metadata: metadata, RecordedAt: recordedAt,
		})
	}
	b.total += len(facts)
	if len(b.out) < bulkChunk {
		return nil
	}
	return b.send()
}

func (b *bulk) send() error {
	if len(b.out) == 0 {
		return nil
	}
	err := b.flush(b.out)
	b.out = b.out[:0]
	return err
}

// id is a random UUID from the seed's own generator, so that the same seed makes the same world.
func (b *bulk) id() uuid.UUID {
	var id uuid.UUID
	binary.LittleEndian.PutUint64(id[:8], b.rng.Uint64())
	binary.LittleEndian.PutUint64(id[8:], b.rng.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
