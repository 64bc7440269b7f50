package api

import (
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
)

// DefaultMaxReaders is how many follow the feed on a node at once, when Deps does not say.
const DefaultMaxReaders = 2000

// Of those, one account has a sixteenth at most, and at least readersOfOne.
const readersOfOne = 8

var (
	errReadersFull = domain.Refuse(domain.KindUnavailable, "too_many_readers", "关注事件流的连接过多，请稍后重试",
		"too many follow the feed; try again")
	errOwnReadersFull = after(ownReadersPause, domain.Refuse(domain.KindTooSoon, "too_many_own_readers",
		"该账号关注事件流的连接过多，请先关闭一些", "this account follows the feed too often at once; close some"))
)

// ownReadersPause is when an account that has too many readers may try again: one may have gone by then.
const ownReadersPause = 10 * time.Second

func after(pause time.Duration, e *domain.Error) *domain.Error {
	e.After = pause
	return e
}

// streams counts those who follow the feed, or wait for it, on this node.
type streams struct {
	most      int
	sent, cut prometheus.Counter
	crowd     crowd
}

func newStreams(most int, registry prometheus.Registerer) (*streams, error) {
	if most <= 0 {
		most = DefaultMaxReaders
	}
	s := &streams{
		most: most,
		sent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waybill_feed_sent_total", Help: "Items of the feed that were sent to streams.",
		}),
		cut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waybill_feed_cut_off_total", Help: "Streams of the feed that ended because their reader took nothing.",
		}),
	}
	readers := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "waybill_feed_readers", Help: "Readers that follow the feed, or wait for it.",
	}, s.crowd.taken)
	for _, c := range []prometheus.Collector{s.sent, s.cut, readers} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *streams) enter(account uuid.UUID) error {
	switch s.crowd.enter(account, s.most, max(readersOfOne, s.most/accountShare)) {
	case fullOfOne:
		return errOwnReadersFull
	case fullOfAll:
		return errReadersFull
	case hasRoom:
	}
	return nil
}

func (s *streams) leave(account uuid.UUID) { s.crowd.leave(account) }
