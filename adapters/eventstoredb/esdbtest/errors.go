package esdbtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// failure is an error as the server reports it: a status, and trailers that say it again for programs.
type failure struct {
	code    codes.Code
	message string
	trailer metadata.MD
}

// Error is the sentence of the status.
func (f *failure) Error() string { return f.message }

// GRPCStatus lets gRPC send it.
func (f *failure) GRPCStatus() *status.Status { return status.New(f.code, f.message) }

func fail(code codes.Code, message string, trailer ...string) error {
	for i := 1; i < len(trailer); i += 2 {
		trailer[i] = headerSafe(trailer[i])
	}
	return &failure{code: code, message: message, trailer: metadata.Pairs(trailer...)}
}

// headerSafe keeps a value from breaking the connection: HTTP/2 forbids control characters in it.
func headerSafe(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// sendTrailer puts a failure's trailers on the call that failed.
func sendTrailer(ctx context.Context, err error) {
	var f *failure
	if errors.As(err, &f) && len(f.trailer) > 0 {
		_ = grpc.SetTrailer(ctx, f.trailer) // the call may be gone already
	}
}

// handlerFailed is what the server answers when its code throws: for a request that lacks a part, or has one that no
// client would send.
func handlerFailed() error { return fail(codes.Unknown, "Exception was thrown by handler.") }

func invalidArgument(message string) error { return fail(codes.InvalidArgument, message) }

func timedOut(phase string) error {
	return fail(codes.Aborted, "Operation timed out: "+phase)
}

func notReady() error { return fail(codes.Unavailable, "Server Is Not Ready") }
func tooBusy() error  { return fail(codes.Unavailable, "Server Is Too Busy") }

func notLeader(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fail(codes.Unknown, "No leader info available in response")
	}
	return fail(codes.NotFound, "Leader info available",
		"exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port)
}

func accessDenied() error {
	return fail(codes.PermissionDenied, "Access Denied", "exception", "access-denied")
}

func deletedStream(name string) error {
	return fail(codes.FailedPrecondition, fmt.Sprintf("Event stream '%s' is deleted.", name),
		"exception", "stream-deleted", "stream-name", name)
}

func wrongExpectedVersion(operation, name string, expected, actual int64) error {
	return fail(codes.FailedPrecondition,
		fmt.Sprintf("%s failed due to WrongExpectedVersion. Stream: %s, Expected version: %d, Actual version: %d",
			operation, name, expected, actual),
		"exception", "wrong-expected-version", "stream-name", name,
		"expected-version", strconv.FormatInt(expected, 10), "actual-version", strconv.FormatInt(actual, 10))
}

func appendTooLarge(limit int) error {
	return fail(codes.InvalidArgument, fmt.Sprintf("Maximum Append Size of %d Exceeded.", limit),
		"exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(limit))
}

// eventTooLarge names the limit of a single event, which servers have from 24.10.4 on.
func eventTooLarge(e event, limit int) error {
	size := strconv.Itoa(e.size())
	return fail(codes.InvalidArgument,
		fmt.Sprintf("Event with Id: %s, Size: %s, exceeds Maximum Append Event Size of %d.", e.id, size, limit),
		"exception", "maximum-append-event-size-exceeded", "maximum-append-event-size", strconv.Itoa(limit),
		"event-id", e.id.String(), "proposed-append-event-size", size)
}

func metadataMissing(property string) error {
	return fail(codes.InvalidArgument, fmt.Sprintf("Required Metadata Property '%s' is missing", property),
		"exception", "missing-required-metadata-property", "required-metadata-properties", "type,content-type")
}

// invalidPosition is the answer to a subscription from a place in $all where no record starts.
func invalidPosition() error { return invalidArgument("Trying to read from an invalid position.") }

// unexpectedResult is the answer to a read that the server's storage refused. Reads of $all from an invalid position get
// it too: only subscriptions have a sentence of their own for that (24.10 and later alike).
func unexpectedResult(kind, result string) error {
	return fail(codes.Unknown, fmt.Sprintf("Unexpected %s: %s", kind, result))
}
