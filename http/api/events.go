package api

import (
	"context"
	"encoding/json"
	nethttp "net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/http"
	"waybill/projections/feed"
)

// defaultFeedPage is how many items a page of the feed has when the caller does not say.
const defaultFeedPage = 100

// ListEvents gives what comes after a position in the caller's scope: a page, or a stream.
func (s *server) ListEvents(c echo.Context, params ListEventsParams) error {
	scope, err := scopeOf(callOf(c).principal, params.As)
	if err != nil {
		return err
	}
	after := domain.Position(params.After) //nolint:gosec // the specification has no negative ones
	if c.Request().Header.Get("Last-Event-ID") != "" {
		after = domain.Position(params.LastEventID) //nolint:gosec // nor here
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), operationTimeout)
	defer cancel()
	switch there, err := s.waiting.head.has(ctx, after); {
	case err != nil:
		return err
	case !there:
		return errNotThere
	case wantsStream(c.Request()):
		return s.stream(c, scope, after, params.As)
	}
	return s.feedPage(c, scope, after, params)
}

// scopeOf is what the caller sees in the role that it names, or in the first that it has.
func scopeOf(principal access.Principal, as ListEventsParamsAs) (feed.Scope, error) {
	enterprise := principal.Has(domain.RoleEnterprise)
	scopes := []struct {
		as    ListEventsParamsAs
		has   bool
		scope feed.Scope
	}{
		{ListEventsParamsAsOperator, principal.Has(domain.RoleOperator), feed.All()},
		{ListEventsParamsAsAuditor, principal.Has(domain.RoleAuditor), feed.All()},
		{ListEventsParamsAsReviewer, principal.Has(domain.RoleReviewer), feed.Review()},
		{ListEventsParamsAsEnterprise, enterprise, feed.Enterprise(principal.AccountID)},
		{ListEventsParamsAsProvider, enterprise, feed.Provider(principal.AccountID)},
	}
	for _, one := range scopes {
		if one.has && (as == "" || as == one.as) {
			return one.scope, nil
		}
	}
	return feed.Scope{}, domain.ErrForbidden
}

// feedPage answers with a page, and while there is nothing to show, waits as long as it may.
func (s *server) feedPage(c echo.Context, scope feed.Scope, after domain.Position, params ListEventsParams) error {
	limit := params.Limit
	if limit == 0 {
		limit = defaultFeedPage
	}
	ctx := c.Request().Context()
	items, err := s.feedItems(ctx, scope, after, limit)
	if err != nil {
		return err
	}
	if len(items) == 0 && params.Wait > 0 {
		if items, err = s.feedWait(c, scope, after, limit, time.Duration(params.Wait)*time.Second); err != nil {
			return err
		}
		if len(items) > 0 {
			if err := s.recheck(c, callOf(c).Account, scope, params.As); err != nil {
				return err
			}
		}
	}
	page := FeedPage{Items: make([]FeedItem, len(items)), After: int64(after)} //nolint:gosec // fits: the log has it
	for i, item := range items {
		page.Items[i] = feedItemOf(item)
		page.After = page.Items[i].Position
	}
	c.Response().Header().Set("Waybill-Position", strconv.FormatInt(page.After, 10))
	return answer(c, nethttp.StatusOK, page)
}

func (s *server) feedItems(ctx context.Context, scope feed.Scope, after domain.Position, limit int) ([]feed.Item, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	return s.feed.Items(ctx, scope, after, limit)
}

// feedWait gives what is there once there is something, or nothing when the time is over, or the server stops.
func (s *server) feedWait(c echo.Context, scope feed.Scope, after domain.Position, limit int, most time.Duration) ([]feed.Item, error) {
	in := callOf(c)
	if err := s.streams.enter(in.Account); err != nil {
		return nil, err
	}
	defer s.streams.leave(in.Account)
	in.Streams = true
	limits := nethttp.NewResponseController(c.Response())
	if err := extend(limits, most+operationTimeout); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), most)
	defer cancel()
	sub, err := s.hub.Subscribe(ctx, scope, after)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	for {
		// What came before it subscribed, nobody wakes it for.
		items, err := s.feedItems(c.Request().Context(), scope, after, limit)
		if err != nil || len(items) > 0 {
			return items, err
		}
		select {
		case <-sub.Wake():
		case <-s.web.Stopping():
			return nil, nil
		case <-ctx.Done():
			return nil, c.Request().Context().Err()
		}
	}
}

// extend lets a response take longer than the server's own limits allow. Where they cannot be moved, as in a test without a
// connection, there are none.
func extend(limits *nethttp.ResponseController, most time.Duration) error {
	until := time.Now().Add(most)
	for _, move := range []func(time.Time) error{limits.SetReadDeadline, limits.SetWriteDeadline} {
		if err := move(until); err != nil && !http.IsUnsupported(err) {
			return err
		}
	}
	return nil
}

// wantsStream reports whether the caller prefers a stream of events to a page.
func wantsStream(r *nethttp.Request) bool {
	stream, page := 0.0, 0.0
	for _, header := range r.Header.Values("Accept") {
		for _, one := range strings.Split(header, ",") {
			media, rest, _ := strings.Cut(one, ";")
			q := 1.0
			for _, parameter := range strings.Split(rest, ";") {
				if name, value, _ := strings.Cut(strings.TrimSpace(parameter), "="); strings.EqualFold(name, "q") {
					if n, err := strconv.ParseFloat(value, 64); err == nil {
						q = n
					}
				}
			}
			switch strings.ToLower(strings.TrimSpace(media)) {
			case eventStream:
				stream = max(stream, q)
			case echo.MIMEApplicationJSON:
				page = max(page, q)
			}
		}
	}
	return stream > 0 && stream >= page
}

func feedItemOf(i feed.Item) FeedItem {
	return FeedItem{
		Position: int64(i.Position), Previous: int64(i.Previous), //nolint:gosec // they are bigints
		ID: i.EventID, Type: i.Type, Kind: i.Kind, ObjectID: i.ObjectID, Revision: int64(i.Revision), //nolint:gosec // a bigint
		At: at(i.At), Data: json.RawMessage(i.Data),
	}
}

// recheck finds out whether who opened a stream may still see it.
func (s *server) recheck(c echo.Context, account uuid.UUID, scope feed.Scope, as ListEventsParamsAs) error {
	principal, err := s.stillCalls(c)
	if err != nil {
		return err
	}
	now, err := scopeOf(principal, as)
	if err != nil {
		return err
	}
	if now != scope || principal.AccountID != account {
		return domain.ErrForbidden
	}
	return nil
}
