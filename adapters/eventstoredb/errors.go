package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"waybill/domain"
)

// verdict is what an error of the client means for the call that got it.
type verdict int

const (
	fatal     verdict = iota // nothing was done, and trying again will not help
	denied                   // nothing was done: the server refuses our credentials, or what they may do
	conflict                 // the stream is not at the expected revision
	missing                  // there is no such stream
	misplaced                // there is no event at the position
	unsent                   // nothing was done; it may help to try again
	unknown                  // whatever was asked may have been done
)

var (
	errPanicked = errors.New("the EventStoreDB client panicked")
	errSilent   = errors.New("the server sends nothing")
)

// judge classifies an error of the client. Its own code says less than the gRPC status underneath, and not every error has
// either: a broken connection can be a bare io.EOF.
func judge(err error) verdict {
	code := status.Code(err)
	var refused *esdb.Error
	if errors.As(err, &refused) {
		switch refused.Code() {
		case esdb.ErrorCodeWrongExpectedVersion:
			return conflict
		case esdb.ErrorCodeNotLeader, esdb.ErrorCodeConnectionClosed:
			return unsent
		case esdb.ErrorCodeResourceNotFound:
			return missing
		case esdb.ErrorCodeAccessDenied, esdb.ErrorCodeUnauthenticated:
			return denied
		case esdb.ErrorCodeStreamDeleted, esdb.ErrorCodeUnsupportedFeature:
			return fatal
		}
	}
	switch {
	case strings.Contains(err.Error(), "invalid position"),
		strings.Contains(err.Error(), "Unexpected ReadAllResult"): // newer and older servers
		return misplaced
	case code == codes.PermissionDenied, code == codes.Unauthenticated:
		return denied
	case errors.Is(err, domain.ErrUnavailable), notHandled(code, err):
		return unsent
	case code == codes.InvalidArgument, code == codes.ResourceExhausted, code == codes.Unimplemented, code == codes.FailedPrecondition:
		return fatal
	case errors.Is(err, io.EOF):
		// The server ended the call while the client was sending; what was not sent to its end is never written.
		return unsent
	}
	return unknown
}

// notHandled reports whether the server says that it did not even look at the call: it starts, it has too much to do, or it
// knows no leader. Its only words for that are the sentence; a connection that broke has the same code.
func notHandled(code codes.Code, err error) bool {
	said := err.Error()
	return code == codes.Unavailable && (strings.Contains(said, "Server Is Not Ready") || strings.Contains(said, "Server Is Too Busy")) ||
		code == codes.Unknown && strings.Contains(said, "No leader info available")
}

// isLost reports whether the client should be replaced: it found no node, its connection broke, or it panicked.
// NotLeader is not among them: the client goes to the leader by itself, and in that moment all its calls are cancelled.
func isLost(err error) bool {
	var refused *esdb.Error
	if errors.As(err, &refused) && (refused.Code() == esdb.ErrorUnavailable || refused.Code() == esdb.ErrorCodeConnectionClosed) {
		return true
	}
	return errors.Is(err, errPanicked) || status.Code(err) == codes.Unavailable
}

// isLate reports whether a call's own time was up: its node, or the way there, may be gone without a word, which the connection itself
// finds out much later.
func isLate(err error) bool {
	var refused *esdb.Error
	return errors.As(err, &refused) && refused.Code() == esdb.ErrorCodeDeadlineExceeded || status.Code(err) == codes.DeadlineExceeded
}

// tooLarge reports whether the server, or gRPC, refused an append for its size.
func tooLarge(err error) bool {
	return strings.Contains(err.Error(), "Maximum Append") || strings.Contains(err.Error(), "received message larger than max")
}

// unavailable is an error as a reader or a subscriber gets it.
func unavailable(what string, err error) error {
	switch {
	case judge(err) == denied:
		return fmt.Errorf("%s: %w: %w", what, domain.ErrRefused, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, domain.ErrUnavailable),
		errors.Is(err, domain.ErrWentBack):
		return fmt.Errorf("%s: %w", what, err)
	case streamDeleted(err):
		return fmt.Errorf("%s: %w: %w", what, domain.ErrStreamDeleted, err)
	case judge(err) == fatal:
		return fmt.Errorf("%s: refused by EventStoreDB: %w", what, err)
	}
	return fmt.Errorf("%s: %w: %w", what, domain.ErrUnavailable, err)
}

// worthAnother reports whether a read or a subscription that failed may succeed a moment later.
func worthAnother(err error) bool {
	if errors.Is(err, domain.ErrWentBack) {
		return false
	}
	switch judge(err) {
	case fatal, denied, conflict, missing, misplaced:
		return false
	case unsent, unknown:
	}
	return !errors.Is(err, domain.ErrUnavailable) // no node is there at all
}
