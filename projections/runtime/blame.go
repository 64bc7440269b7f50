package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"waybill/domain"
	"waybill/projections"
)

// Errors are judged here and nowhere else, by three questions: whose fault is it (blames), may it pass by itself (transient), and did our
// own database or store fail on the way to somebody else (ours).

// blames reports whether err is shown to be its event's fault, which alone lets the event be parked or a delivery be given up: a model or
// the domain said so, PostgreSQL refused a value, or code panicked over it. Whatever else goes wrong stops whoever meets it, loudly: it
// would meet it at the next event again.
func blames(err error) bool {
	if err == nil || circumstances(err) {
		return false
	}
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refusesValue(refused)
	}
	if refusal, ok := errors.AsType[*domain.Error](err); ok {
		return refusal.Kind != domain.KindUnavailable
	}
	if errors.Is(err, domain.ErrNoID) || unfit(err) || outOfRange(err) {
		return true
	}
	return isA[*projections.EventError](err) || isA[*panicError](err)
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// refusesValue reports whether the server refused what a statement was given, and not the statement, the session, the role or the server's
// own state. That its encoding has all characters is seen to where connections are made.
func refusesValue(err *pgconn.PgError) bool {
	switch class(err) {
	case "21", "22", "23": // cardinality, data exception, integrity constraint
		return err.Code != "22P03" // a value in another form than the statement's: the driver's
	}
	return err.Code == "54000" // a value too long to be indexed
}

func class(err *pgconn.PgError) string { return err.Code[:min(2, len(err.Code))] }

// unfit reports whether a value is none that JSON has.
func unfit(err error) bool {
	return isA[*json.SyntaxError](err) || isA[*json.UnmarshalTypeError](err) || isA[*json.UnsupportedValueError](err) ||
		isA[*json.MarshalerError](err)
}

// outOfRange reports whether pgx found a number too large or too small for its column, for which it has no error but its text. Any other
// value that it cannot encode is one of another type: the program's fault, or the connection's.
func outOfRange(err error) bool {
	text := err.Error()
	return strings.Contains(text, "failed to encode args[") &&
		(strings.Contains(text, "is greater than maximum value for") || strings.Contains(text, "is less than minimum value for"))
}

// circumstances reports whether err says that work was cut short, whatever it was about.
func circumstances(err error) bool {
	var netErr net.Error
	return errors.Is(err, errConnectionLost) || superseded(err) || errors.As(err, &netErr) || isA[*pgconn.ConnectError](err) ||
		pgconn.SafeToRetry(err) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, pgx.ErrTxClosed) || errors.Is(err, pgx.ErrTxCommitRollback) ||
		errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrOutcomeUnknown) || errors.Is(err, domain.ErrConflict)
}

// transient reports whether the same may do when it is tried again as it is: a connection, a lock, the server's state or the end of ctx
// was against it. A missing table, column or right (3F, 42) counts, since an administrator puts that right without us.
func transient(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && !errors.Is(err, errConnectionLost) {
		switch class(refused) {
		case "08", "25", "26", "3D", "3F", "40", "42", "53", "55", "57", "58":
			return true
		}
		return refused.Code == "0A000" // a cached plan must not change its result type: the next try has another
	}
	if refusal, ok := errors.AsType[*domain.Error](err); ok {
		return refusal.Kind == domain.KindUnavailable
	}
	return circumstances(err)
}

// ours reports whether our own database or store failed, so that nothing is said about whom we were on the way to.
func ours(err error) bool {
	refusal, refused := errors.AsType[*domain.Error](err)
	return isA[*pgconn.PgError](err) || isA[*pgconn.ConnectError](err) || errors.Is(err, pgconn.ErrConnClosed) ||
		pgconn.SafeToRetry(err) || errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrOutcomeUnknown) ||
		refused && refusal.Kind == domain.KindUnavailable
}

// panicError is what code said that panicked.
type panicError struct{ text string }

func (e *panicError) Error() string { return e.text }

// guarded calls code of a model's or a reaction's; a panic in it is an error.
func guarded(what string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{fmt.Sprintf("%s panicked: %v\n%s", what, r, debug.Stack())}
		}
	}()
	return f()
}
