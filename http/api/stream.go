package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	nethttp "net/http"
	"time"

	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/http"
	"waybill/projections/feed"
	"waybill/projections/runtime"
)

// eventStream is the media type of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
const eventStream = "text/event-stream"

// StreamTimes are the times of a stream of events. The zero value of each is the standard one.
type StreamTimes struct {
	// Heartbeat is how long a stream is silent before a comment shows that it is alive: less than proxies wait.
	Heartbeat time.Duration
	// Check is how often it is asked whether the token is still of use.
	Check time.Duration
	// Write is how long the reader may take nothing.
	Write time.Duration
	// Life is after how long a stream ends, so that readers spread over the nodes that there are.
	Life time.Duration
}

func (t StreamTimes) orStandard() StreamTimes {
	for _, one := range []struct {
		is       *time.Duration
		standard time.Duration
	}{{&t.Heartbeat, 15 * time.Second}, {&t.Check, 10 * time.Second}, {&t.Write, 10 * time.Second}, {&t.Life, 30 * time.Minute}} {
		if *one.is <= 0 {
			*one.is = one.standard
		}
	}
	return t
}

// frame is an item as a server-sent event. Its JSON has no line break.
func frame(item feed.Item) []byte {
	data, err := json.Marshal(feedItemOf(item))
	if err != nil {
		panic(err) // of a row that the database holds as JSON
	}
	return fmt.Appendf(make([]byte, 0, len(data)+len(item.Type)+48), "id: %d\nevent: %s\ndata: %s\n\n", item.Position, item.Type, data)
}

// stream sends what comes after a position as it comes, until the reader goes, its token ends, or the server stops.
func (s *server) stream(c echo.Context, scope feed.Scope, after domain.Position, as ListEventsParamsAs) error {
	in := callOf(c)
	in.Streams = true
	begin := func() {
		header := c.Response().Header()
		header.Set("Content-Type", eventStream)
		header.Set("X-Accel-Buffering", "no") // proxies must not collect it
		// HTTP/1.1 without chunks: net/http writes and the reader reads a batch in one piece, not in three.
		header.Set("Transfer-Encoding", "identity")
		c.Response().WriteHeader(nethttp.StatusOK)
	}
	if http.IsHead(c.Request()) {
		begin()
		return nil
	}
	if err := s.streams.enter(in.Account); err != nil {
		return err
	}
	defer s.streams.leave(in.Account)
	times := s.StreamTimes.orStandard()
	ctx, cancel := context.WithTimeout(c.Request().Context(), spread(times.Life))
	defer cancel()
	sub, err := s.hub.Subscribe(ctx, scope, after)
	if err != nil {
		return err
	}
	defer sub.Close()
	w := &streamWriter{response: c.Response(), limits: nethttp.NewResponseController(c.Response().Writer), most: times.Write}
	// Reading has no end: a request without a body has been read, and only that the reader goes is listened for.
	if err := w.limits.SetReadDeadline(time.Time{}); err != nil && !http.IsUnsupported(err) {
		return err
	}
	begin()
	err = s.pump(ctx, w, sub, times, func() error { return s.recheck(c, in.Account, scope, as) })
	if err != nil && ctx.Err() == nil && w.failure == nil {
		s.sayWhy(c, w, err)
	}
	if timedOut(w.failure) {
		s.streams.cut.Inc()
	}
	return nil
}

// pump sends what the subscription gives until ctx ends or the server stops, which is no error. It keeps the stream alive, and asks now
// and then whether it may go on.
func (s *server) pump(ctx context.Context, w *streamWriter, sub *feed.Subscription, times StreamTimes, allowed func() error) error {
	// Readers of a node that stops come back one after the other.
	if err := w.send(fmt.Appendf(nil, "retry: %d\n\n", spread(2*time.Second).Milliseconds())); err != nil {
		return err
	}
	heartbeat, check := time.NewTimer(times.Heartbeat), time.NewTimer(spread(times.Check))
	defer heartbeat.Stop()
	defer check.Stop()
	for {
		batch, err := sub.Next(ctx)
		if errors.Is(err, feed.ErrWentBack) {
			return errNotThere.Because(err)
		}
		if err != nil {
			return err
		}
		wake := sub.Wake()
		if batch.Items > 0 {
			if err := w.send(batch.Chunks...); err != nil {
				return err
			}
			s.streams.sent.Add(float64(batch.Items))
			heartbeat.Reset(times.Heartbeat)
			wake = atOnce // there may be more
		}
		select { // at random of those that can be, so nothing is put off for long
		case <-wake:
		case <-heartbeat.C:
			if err := w.send([]byte(":\n\n")); err != nil {
				return err
			}
			heartbeat.Reset(times.Heartbeat)
		case <-check.C:
			if err := allowed(); err != nil {
				return err
			}
			check.Reset(spread(times.Check))
		case <-s.web.Stopping():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// atOnce never blocks.
var atOnce = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// spread is a time between nine tenths and eleven tenths of d, so that many do not do the same at once.
func spread(d time.Duration) time.Duration {
	return d*9/10 + rand.N(d/5+1) //nolint:gosec // no secret depends on it
}

// sayWhy says why a stream ends, as a problem; who reads it may come back, and is told the same then.
func (s *server) sayWhy(c echo.Context, w *streamWriter, cause error) {
	if _, problem, err := s.web.ProblemOf(c, cause); err == nil {
		_ = w.send(fmt.Appendf(nil, "event: problem\ndata: %s\n\n", problem)) // w keeps the error
	}
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// streamWriter writes to one reader, who has so long to take it. Its limits are those of the writer below echo's, whose Flush hides
// errors.
type streamWriter struct {
	response *echo.Response
	limits   *nethttp.ResponseController
	most     time.Duration
	// failure is why the reader gets nothing any more.
	failure error
}

func (w *streamWriter) send(chunks ...[]byte) error {
	w.failure = w.write(chunks)
	return w.failure
}

func (w *streamWriter) write(chunks [][]byte) error {
	if err := w.limits.SetWriteDeadline(time.Now().Add(w.most)); err != nil && !http.IsUnsupported(err) {
		return err
	}
	for _, chunk := range chunks {
		if _, err := w.response.Write(chunk); err != nil {
			return err
		}
	}
	return w.limits.Flush()
}

// waitForFeed waits until what is read shows a position of the feed.
func waitForFeed(p Positions) func(context.Context, string, domain.Position) error {
	return func(ctx context.Context, model string, at domain.Position) error {
		if err := p.Wait(ctx, model, at); err != nil && !errors.Is(err, runtime.ErrBehind) {
			return err
		}
		return nil
	}
}
