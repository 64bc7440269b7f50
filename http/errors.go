package http

import (
	"context"
	"errors"
	"io"
	"net"
	nethttp "net/http"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/labstack/echo/v4"

	"waybill/domain"
)

// Refusal is a domain.Error, whose Code, Text and Fields it has, under a status. One that no kind has the status of is made by
// Refuse, any other by Explain.
type Refusal struct {
	Status int
	// Parts are the parts of the node and their states, when that is what it is about.
	Parts []Part
	*said
}

// Part is a part of the node and its state.
type Part struct {
	Part   string `json:"part"`
	Status string `json:"status"`
}

// said is domain.Error under a name that, embedded, does not hide its own method.
type said = domain.Error

// Refuse makes a refusal with no fields.
func Refuse(status int, code, zh, en string) *Refusal {
	return &Refusal{Status: status, said: domain.Refuse(domain.KindInvalid, code, zh, en)}
}

// Unwrap gives the domain.Error.
func (r *Refusal) Unwrap() error { return r.said }

// Because returns a copy of r with a cause for the log.
func (r *Refusal) Because(cause error) *Refusal {
	return &Refusal{Status: r.Status, Parts: r.Parts, said: r.said.Because(cause)}
}

// Saying returns a copy of r that says more than its code alone.
func (r *Refusal) Saying(text domain.Text) *Refusal {
	e := *r.said
	e.Text = text
	return &Refusal{Status: r.Status, Parts: r.Parts, said: &e}
}

// Refusals that surfaces make too.
var (
	ErrNoRoute     = Refuse(nethttp.StatusNotFound, "unknown_route", "该地址不存在", "no such address")
	ErrBadRequest  = Refuse(nethttp.StatusBadRequest, "bad_request", "请求无法解析", "the request cannot be parsed")
	ErrUnavailable = Refuse(nethttp.StatusServiceUnavailable, "unavailable", "系统繁忙，请稍后重试", "the service is not available; try again")
)

var (
	errInternal     = Refuse(nethttp.StatusInternalServerError, "internal", "系统内部错误，请稍后重试", "something went wrong on our side")
	errNoMethod     = Refuse(nethttp.StatusMethodNotAllowed, "method_not_allowed", "该地址不支持此方法", "this address does not take that method")
	errStoreRefuses = &Refusal{Status: nethttp.StatusServiceUnavailable, said: domain.ErrStoreRefuses}
	errUnauthorized = Refuse(nethttp.StatusUnauthorized, "unauthorized", "请先登录", "a valid bearer token is required")
)

// Refusals returns those that any surface may meet whatever it does, for whoever explains codes.
func Refusals() []*Refusal {
	return []*Refusal{errInternal, ErrNoRoute, errNoMethod, ErrBadRequest, errUnauthorized, ErrUnavailable}
}

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
	case domain.KindPrecondition:
		return nethttp.StatusPreconditionFailed
	case domain.KindTooLarge:
		return nethttp.StatusRequestEntityTooLarge
	case domain.KindUnavailable:
		return nethttp.StatusServiceUnavailable
	case domain.KindTooSoon:
		return nethttp.StatusTooManyRequests
	case domain.KindInternal:
	}
	return nethttp.StatusInternalServerError
}

// Explain returns what may be shown of any error: a Refusal as it is, a domain.Error under its kind's status, and of all else
// only that the service is not available or has a fault.
func Explain(err error) *Refusal {
	var (
		r  *Refusal
		e  *domain.Error
		he *echo.HTTPError
	)
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &e):
		if status := statusOf(e.Kind); status != nethttp.StatusInternalServerError {
			return &Refusal{Status: status, said: e}
		}
		return errInternal
	case errors.As(err, &he):
		return explainEcho(he)
	case errors.Is(err, domain.ErrRefused):
		return errStoreRefuses
	case outage(err):
		return ErrUnavailable
	}
	return errInternal
}

// outage says whether an error is about the database's state, about time running out, or about a log that is newer than this
// node, and not about what was asked.
func outage(err error) bool {
	var (
		connect *pgconn.ConnectError
		network *net.OpError
		pgError *pgconn.PgError
	)
	if errors.As(err, &connect) || errors.Is(err, domain.ErrUnavailable) {
		return true // whatever the server gave as its reason
	}
	if errors.As(err, &pgError) {
		// Connection exceptions, what a transaction may not or took too long for (it is read-only, as after a switch-over), prepared
		// statements that went with their session, rollbacks (a replica ends queries that are in replication's way), insufficient
		// resources, operator intervention, the system below.
		return slices.Contains([]string{"08", "25", "26", "40", "53", "57", "58"}, pgError.Code[:min(2, len(pgError.Code))])
	}
	return errors.As(err, &network) || pgconn.SafeToRetry(err) || errors.Is(err, domain.ErrWentBack) ||
		errors.Is(err, domain.ErrUnknownType) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func explainEcho(he *echo.HTTPError) *Refusal {
	switch he.Code {
	case nethttp.StatusNotFound:
		return ErrNoRoute
	case nethttp.StatusMethodNotAllowed:
		return errNoMethod
	}
	if he.Code >= 400 && he.Code < 500 {
		return ErrBadRequest
	}
	return errInternal
}
