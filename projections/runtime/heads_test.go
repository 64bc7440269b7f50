package runtime

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
)

// TestTheHeadIsTheFirstThatIsDue: whatever is owed, delivered, given up and tried again at once, by however many nodes, each object that
// something is due of has one head, and that is the first.
func TestTheHeadIsTheFirstThatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &reactor{pool: w.pool, reaction: newOutside().tell(FromStart)}
	stored := r.reaction.StoredName
	random := rand.New(rand.NewPCG(1, 2))
	var items []dueItem
	position := domain.Position(0)
	for round := range 80 {
		var nodes sync.WaitGroup
		for node := range 1 + round%6 {
			if of := random.IntN(4); of == 0 || len(items) < 6 {
				position++
				e := domain.RecordedEvent{ID: uuid.New(), Stream: someProduct(), Position: position, Type: product.Listed{}.EventType()}
				d := dueItem{Item: Item{Recipient: "a", Object: fmt.Sprint("o", random.IntN(2))}, eventID: e.ID, stream: e.Stream}
				items = append(items, d)
				nodes.Go(func() {
					if err := durably(t.Context(), w.pool, func(tx pgx.Tx) error {
						var batch pgx.Batch
						queueOwed(&batch, stored, e, []Item{d.Item})
						return tx.SendBatch(t.Context(), &batch).Close()
					}); err != nil {
						t.Errorf("owe by node %d: %v", node, err)
					}
				})
				continue
			} else if of == 1 {
				again := items[random.IntN(len(items))]
				nodes.Go(func() {
					if err := durably(t.Context(), w.pool, func(tx pgx.Tx) error {
						_, err := makeDue(t.Context(), tx, stored, again.eventID, again.Recipient)
						return err
					}); err != nil {
						t.Errorf("try again by node %d: %v", node, err)
					}
				})
				continue
			}
			d, state := items[random.IntN(len(items))], []string{itemDone, itemDue, itemGivenUp}[random.IntN(3)]
			nodes.Go(func() {
				if err := r.settle(t.Context(), d, state, "", 0); err != nil {
					t.Errorf("settle by node %d: %v", node, err)
				}
			})
		}
		nodes.Wait()
		var wrong int
		err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM projections.ledger l WHERE head <> (state = 'due' AND item =
			(SELECT min(item) FROM projections.ledger f WHERE f.object = l.object AND f.state = 'due'))`).Scan(&wrong)
		if err != nil || wrong > 0 {
			t.Fatalf("round %d: %d items are wrongly the head, or not: %v", round, wrong, err)
		}
	}
}
