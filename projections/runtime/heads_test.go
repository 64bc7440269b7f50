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
	var nodes sync.WaitGroup
	for node := range 4 {
		nodes.Go(func() {
			random := rand.New(rand.NewPCG(uint64(node), 1)) //nolint:gosec // no secret
			var items []dueItem
			for n := range 60 {
				var err error
				switch of := random.IntN(4); {
				case of == 0 || len(items) == 0:
					e := domain.RecordedEvent{
						ID: uuid.New(), Stream: someProduct(), Position: domain.Position(1 + 4*n + node), Type: product.Listed{}.EventType(),
					}
					d := dueItem{Item: Item{Recipient: "a", Object: fmt.Sprint("o", random.IntN(2))}, eventID: e.ID, stream: e.Stream}
					err = durably(t.Context(), w.pool, func(tx pgx.Tx) error {
						var batch pgx.Batch
						queueOwed(&batch, stored, e, []Item{d.Item})
						return tx.SendBatch(t.Context(), &batch).Close()
					})
					items = append(items, d)
				case of == 1:
					again := items[random.IntN(len(items))]
					err = durably(t.Context(), w.pool, func(tx pgx.Tx) error {
						_, err := makeDue(t.Context(), tx, stored, again.eventID, again.Recipient)
						return err
					})
				default:
					state := []string{itemDone, itemDue, itemGivenUp}[random.IntN(3)]
					err = r.settle(t.Context(), items[random.IntN(len(items))], state, "", 0)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	nodes.Wait()
	var due, wrong int
	err := w.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE state = 'due'),
			count(*) FILTER (WHERE head <> (state = 'due' AND item = (SELECT min(item) FROM projections.ledger f WHERE f.object = l.object AND f.state = 'due')))
		FROM projections.ledger l`).Scan(&due, &wrong)
	if err != nil || due == 0 || wrong > 0 {
		t.Errorf("of %d items that are due, %d are wrongly the head, or not: %v", due, wrong, err)
	}
}
