package api

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/projections/runtime"
)

// DefaultMaxWaiting is how many reads of a node wait for a position at once, when Deps does not say.
const DefaultMaxWaiting = 256

// Of all that may wait, those who do not say who they are have half, and one account a sixteenth.
const (
	anonymousShare = 2
	accountShare   = 16
)

var errTooManyWaiting = domain.Refuse(domain.KindUnavailable, "too_many_waiting", "等待数据更新的请求过多，请稍后重试",
	"too many reads wait for newer data; try again")

// errNotThere is runtime.ErrBehind at once: nobody waits for what may never come.
var errNotThere = domain.Refuse(domain.KindUnavailable, runtime.ErrBehind.Code, "日志中尚无该位置，请稍后重试",
	"the log does not have this position yet; try again")

// waiting lets reads wait for a position: as many as a node can hold, and for none that the log does not have.
type waiting struct {
	positions Positions
	head      head
	most      int
	crowd     crowd // the nil id's are of everybody who does not say
}

func newWaiting(d Deps, registry prometheus.Registerer) (*waiting, error) {
	w := &waiting{positions: d.Positions, head: head{ask: d.Head}, most: d.MaxWaiting}
	w.head.log, _ = d.Status.(logWatch)
	if w.most <= 0 {
		w.most = DefaultMaxWaiting
	}
	return w, registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "waybill_waiting_reads", Help: "Reads that wait for their read model to show a position.",
	}, w.crowd.taken))
}

// wait returns when model shows everything up to a position. It refuses at once when the log does not have the position, or
// when as many wait as may, of all or of the account's (nil: everybody's who does not say who it is).
func (w *waiting) wait(ctx context.Context, account uuid.UUID, model string, position domain.Position) error {
	there, err := w.head.has(ctx, position)
	if err != nil {
		return err
	}
	if !there {
		return errNotThere
	}
	if !w.enter(account) {
		return errTooManyWaiting
	}
	defer w.crowd.leave(account)
	return w.positions.Wait(ctx, model, position)
}

func (w *waiting) enter(account uuid.UUID) bool {
	share := accountShare
	if account == uuid.Nil {
		share = anonymousShare
	}
	return w.crowd.enter(account, w.most, max(1, w.most/share)) == hasRoom
}

// headTimeout bounds one look at the log's head.
const headTimeout = 2 * time.Second

// logWatch tells whether the read models are of the log that there is: it may be put back, or exchanged, under a node.
type logWatch interface {
	// AnotherLog reports whether a read model was built from another log.
	AnotherLog(model string) bool
	// TimesExchanged is how often that was found of it.
	TimesExchanged(model string) int
	// Furthest is the furthest position that a read model is known to show, and Recheck finds out how far they are, of which log.
	Furthest() domain.Position
	Recheck(ctx context.Context) error
}

// head knows where the log ends at least. However many ask, one look at a time is enough for all of them.
type head struct {
	ask func(context.Context) (domain.Position, error) // nil: every position is taken to be there
	// log, when given, says that the log may go back: then nothing is believed, and each question is looked up.
	log logWatch

	turn  sync.Mutex // held while looking
	mu    sync.Mutex
	known domain.Position
	next  *look // that has not begun yet
}

type look struct {
	done chan struct{}
	head domain.Position
	err  error
}

// saw takes note of a position that the log has.
func (h *head) saw(position domain.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = max(h.known, position)
}

// has says whether the log has a position, by a look that begins after the question when it is not known already.
func (h *head) has(ctx context.Context, position domain.Position) (bool, error) {
	if h.ask == nil || position == 0 {
		return true, nil
	}
	h.mu.Lock()
	if position <= h.known && h.log == nil {
		h.mu.Unlock()
		return true, nil
	}
	if h.next == nil {
		h.next = &look{done: make(chan struct{})}
		go h.look(context.WithoutCancel(ctx), h.next)
	}
	mine := h.next
	h.mu.Unlock()
	select {
	case <-mine.done:
		return position <= mine.head, mine.err
	case <-ctx.Done():
		return false, runtime.ErrBehind.Because(ctx.Err())
	}
}

func (h *head) look(ctx context.Context, l *look) {
	h.turn.Lock()
	defer h.turn.Unlock()
	h.mu.Lock()
	h.next = nil // who comes from now on gets the look after this one
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	l.head, l.err = h.end(ctx)
	h.saw(l.head)
	close(l.done)
}

// end is where the log ends. When that is before what was shown, it went back, and what shows it is looked at before anybody waits for it.
func (h *head) end(ctx context.Context) (domain.Position, error) {
	if h.log == nil {
		return h.ask(ctx)
	}
	shown := h.log.Furthest()
	end, err := h.ask(ctx)
	if err == nil && end < shown {
		err = h.log.Recheck(ctx)
	}
	return end, err
}
