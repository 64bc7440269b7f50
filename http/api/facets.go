package api

import (
	"context"
	"sync"

	"github.com/labstack/echo/v4"

	"waybill/projections/listing"
	"waybill/projections/runtime"
)

// CountProducts counts the public list by what its products have (R32). While nothing changed it answers from memory.
func (s *server) CountProducts(c echo.Context, params CountProductsParams) error {
	f := filterOf(params.Mode, params.Country, params.City, params.Tag, params.Provider, params.Q)
	ctx := c.Request().Context()
	// Asked before the counting begins: what is counted is at least as new, and an answer of another version is not kept.
	version, err := runtime.Version(ctx, s.Queries, listing.Model)
	if err != nil {
		return err
	}
	raw, err := s.facets.answer(ctx, version, f.Key(), func(ctx context.Context) ([]byte, error) {
		facets, err := s.listing.Facets(ctx, f)
		if err != nil {
			return nil, err
		}
		return encode(facetsOf(facets))
	})
	if err != nil {
		return err
	}
	return tagged(c, tagOf(raw), echo.MIMEApplicationJSON, raw)
}

// maxAnswers is how many answers of a version are kept: some 10 kB each.
const maxAnswers = 1000

// answers are the answers to questions about one version of something. However many ask at once, one works it out.
type answers struct {
	mu      sync.Mutex
	version string
	known   map[string]*outcome
}

type outcome struct {
	done chan struct{}
	raw  []byte
	err  error
}

// answer is the answer to a question about a version, worked out by ask unless it is known. Who waits for another's answer waits no
// longer than its own ctx; who works it out does so to the end, for the others.
func (a *answers) answer(ctx context.Context, version, question string, ask func(context.Context) ([]byte, error)) ([]byte, error) {
	a.mu.Lock()
	if a.version != version || len(a.known) >= maxAnswers {
		a.version, a.known = version, map[string]*outcome{}
	}
	known, mine := a.known, a.known[question]
	if mine == nil {
		mine = &outcome{done: make(chan struct{})}
		known[question] = mine
		go func() {
			defer close(mine.done)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), operationTimeout)
			defer cancel()
			if mine.raw, mine.err = ask(ctx); mine.err != nil {
				a.mu.Lock()
				defer a.mu.Unlock()
				delete(known, question)
			}
		}()
	}
	a.mu.Unlock()
	select {
	case <-mine.done:
		return mine.raw, mine.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
