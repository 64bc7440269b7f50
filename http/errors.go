package http

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"waybill/domain"
)

// refusal is a domain.Error that HTTP has a status of its own for.
type refusal struct {
	status int
	*said
}

// said is domain.Error under a name that, embedded, does not hide its own method.
type said = domain.Error

func (r *refusal) Unwrap() error { return r.said }

func refuse(status int, code, zh, en string) *refusal {
	return &refusal{status: status, said: domain.Refuse(domain.KindInvalid, code, zh, en)}
}

var (
	errInternal     = refuse(nethttp.StatusInternalServerError, "internal", "系统内部错误，请稍后重试", "something went wrong on our side")
	errNoRoute      = refuse(nethttp.StatusNotFound, "unknown_route", "该地址不存在", "no such address")
	errNoMethod     = refuse(nethttp.StatusMethodNotAllowed, "method_not_allowed", "该地址不支持此方法", "this address does not take that method")
	errBadRequest   = refuse(nethttp.StatusBadRequest, "bad_request", "请求无法解析", "the request cannot be parsed")
	errPrecondition = refuse(nethttp.StatusPreconditionFailed, "precondition_failed", "内容已被修改，请刷新后重试",
		"it has changed since the revision in If-Match; read it again")
	errUnauthorized = refuse(nethttp.StatusUnauthorized, "unauthorized", "请先登录", "a valid bearer token is required")
	errUnavailable  = refuse(nethttp.StatusServiceUnavailable, "unavailable", "系统繁忙，请稍后重试", "the service is not available; try again")
)

// statusOf is the one place that turns an error's kind into a status.
func statusOf(kind domain.Kind) int {
	switch kind {
	case domain.KindInvalid:
		return nethttp.StatusUnprocessableEntity
	case domain.KindUnauthorized:
		return nethttp.StatusUnauthorized
	case domain.KindForbidden:
		return nethttp.StatusForbidden
	case domain.KindNotFound:
		return nethttp.StatusNotFound
	case domain.KindConflict, domain.KindStale:
		return nethttp.StatusConflict
	case domain.KindTooLarge:
		return nethttp.StatusRequestEntityTooLarge
	case domain.KindUnavailable:
		return nethttp.StatusServiceUnavailable
	case domain.KindInternal:
	}
	return nethttp.StatusInternalServerError
}

// explain makes of any error what may be shown of it.
func explain(err error, conditional bool) *refusal {
	var (
		r  *refusal
		e  *domain.Error
		he *echo.HTTPError
	)
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &e):
		// Only the comparison with If-Match refuses with the plain ErrStale; a decision's names the revisions.
		if conditional && e.Kind == domain.KindStale && e.Text == domain.ErrStale.Text {
			return errPrecondition
		}
		if status := statusOf(e.Kind); status != nethttp.StatusInternalServerError {
			return &refusal{status: status, said: e}
		}
		return errInternal
	case errors.As(err, &he):
		return explainEcho(he)
	case outage(err):
		return errUnavailable
	}
	return errInternal
}

// outage says whether an error is about the database's state, or about time running out, and not about what was asked.
func outage(err error) bool {
	var (
		connect *pgconn.ConnectError
		network *net.OpError
		pgError *pgconn.PgError
	)
	if errors.As(err, &connect) {
		return true // whatever the server gave as its reason
	}
	if errors.As(err, &pgError) {
		// Connection exceptions, rollbacks (a replica ends queries that are in replication's way), insufficient resources,
		// operator intervention.
		return slices.Contains([]string{"08", "40", "53", "57"}, pgError.Code[:min(2, len(pgError.Code))])
	}
	return errors.As(err, &network) || pgconn.SafeToRetry(err) || errors.Is(err, domain.ErrUnavailable) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func explainEcho(he *echo.HTTPError) *refusal {
	switch he.Code {
	case nethttp.StatusNotFound:
		return errNoRoute
	case nethttp.StatusMethodNotAllowed:
		return errNoMethod
	}
	if he.Code >= 400 && he.Code < 500 {
		return errBadRequest
	}
	return errInternal
}

// fail answers with a problem (RFC 9457) and logs what is ours to mend.
func (s *server) fail(err error, c echo.Context) {
	in := callOf(c)
	shown := explain(err, in.conditional)
	ctx := c.Request().Context()
	if shown.status >= nethttp.StatusInternalServerError && ctx.Err() == nil {
		level := slog.LevelError
		if shown.status == nethttp.StatusServiceUnavailable {
			level = slog.LevelWarn // it passes, and the caller was told to try again
		}
		s.Logger.Log(ctx, level, "request failed", slog.String("request_id", in.requestID), slog.String("code", shown.Code), slog.Any("error", err))
	}
	if c.Response().Committed {
		return
	}
	header := c.Response().Header()
	switch shown.status {
	case nethttp.StatusUnauthorized:
		challenge := `Bearer realm="waybill"`
		if c.Request().Header.Get("Authorization") != "" {
			challenge += `, error="invalid_token"`
		}
		header.Set("WWW-Authenticate", challenge)
	case nethttp.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(1))
	}
	for _, stale := range []string{"ETag", "Location"} {
		header.Del(stale)
	}
	header.Set("Cache-Control", "no-store")
	tongue := tongueOf(c.Request())
	header.Set("Content-Language", tongue.String())
	header.Add("Vary", "Accept-Language")
	body, err := json.Marshal(problem(shown, tongue, in.requestID))
	if err != nil {
		body = []byte(`{}`)
	}
	body = append(body, '\n')
	if c.Request().Method == nethttp.MethodHead {
		body = nil
	}
	if err := c.Blob(shown.status, "application/problem+json", body); err != nil {
		s.Logger.DebugContext(ctx, "answer not delivered", slog.String("request_id", in.requestID), slog.Any("error", err))
	}
}

// maxMistakes bounds how many mistakes one answer lists, so that a small hostile body does not get a huge answer.
const maxMistakes = 100

func problem(shown *refusal, tongue language.Tag, requestID string) Problem {
	p := Problem{
		Type: "/problems/" + shown.Code, Title: say(shown.Text, tongue), Status: shown.status, Code: shown.Code,
		Detail: say(shown.Text, tongue), Messages: Text{Zh: shown.Text.ZH, En: shown.Text.EN}, RequestID: requestID,
	}
	for _, f := range shown.Fields[:min(len(shown.Fields), maxMistakes)] {
		m := Mistake{Code: f.Code, Detail: say(f.Text, tongue), Messages: Text{Zh: f.Text.ZH, En: f.Text.EN}}
		// What does not begin like a JSON pointer is the name of a parameter.
		if f.Pointer == "" || strings.HasPrefix(f.Pointer, "/") {
			m.Pointer = f.Pointer
		} else {
			m.Parameter = f.Pointer
		}
		p.Errors = append(p.Errors, m)
	}
	return p
}

var tongues = language.NewMatcher([]language.Tag{language.Chinese, language.English})

// tongueOf is the language the caller prefers of those we have; Chinese when it does not say.
func tongueOf(r *nethttp.Request) language.Tag {
	accept := r.Header.Get("Accept-Language")
	if accept == "" || len(accept) > 200 {
		return language.Chinese
	}
	_, index := language.MatchStrings(tongues, accept)
	if index == 1 {
		return language.English
	}
	return language.Chinese
}

func say(t domain.Text, tongue language.Tag) string {
	if tongue == language.English {
		return t.EN
	}
	return t.ZH
}

// wrongParameter refuses one parameter, by name.
func wrongParameter(name, code, zh, en string) error {
	var f domain.Fields
	f.Add(name, code, zh, en)
	return f.Err()
}

// because is r with a cause for the log.
func (r *refusal) because(cause error) *refusal {
	return &refusal{status: r.status, said: r.Because(cause)}
}
