package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"waybill/domain"
)

// Why a server cannot be used as it is, and waiting will not change that.
var (
	// ErrCredentials says that it does not know the user, or not with this password.
	ErrCredentials = errors.New("it refuses the user name and password")
	// ErrCertificate says that one side does not trust the other's certificate.
	ErrCertificate = errors.New("its certificate is not trusted, or ours is not by it")
	// ErrPlain says that one side speaks TLS and the other does not.
	ErrPlain = errors.New("one side speaks TLS and the other does not")
	// ErrNoEventStoreDB says that something else answers.
	ErrNoEventStoreDB = errors.New("what answers there is no EventStoreDB of version 20.6 or later")
	// ErrReading and ErrWriting say what the user may not do.
	ErrReading = errors.New("the user may not read what Waybill reads")
	ErrWriting = errors.New("the user may not write to the streams that Waybill writes to")
)

// probePause is the time between two attempts to reach a node.
const probePause = 200 * time.Millisecond

// Probe finds out whether the server lets us in, and read and write what a log needs; it writes nothing. It returns one of the errors
// above, or domain.ErrUnavailable when no node has answered until ctx ends, which it waits for.
func Probe(ctx context.Context, config Config) error {
	if err := errors.Join(Check(config.ConnectionString), CheckPrefix(config.Prefix)); err != nil {
		return err
	}
	for {
		err := probeOnce(ctx, config)
		if err == nil || !errors.Is(err, domain.ErrUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(probePause):
		}
	}
}

// probeOnce returns when the client does, or when ctx ends: a client that looks for a node heeds no context.
func probeOnce(ctx context.Context, config Config) error {
	settings, err := parse(config.ConnectionString)
	if err != nil {
		return err
	}
	settings.MaxDiscoverAttempts = 1
	var found search
	settings.Logger = found.hear
	client, err := esdb.NewClient(settings)
	if err != nil {
		return fmt.Errorf("the client: %w", err)
	}
	done := make(chan error, 1)
	go func() {
		defer client.Close() //nolint:errcheck // it has no errors
		done <- guarded(func() error { return ask(ctx, client, config.Prefix, &found) })
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: no answer in time", domain.ErrUnavailable)
	}
}

// search hears why the client passed nodes by: it returns only what it met last, which may be the node that is away.
type search struct{ refused error }

// hear is called by the client, from the goroutine that searches, before the search returns.
func (s *search) hear(_ esdb.LogLevel, _ string, args ...any) {
	for _, arg := range args {
		if err, ok := arg.(error); ok && s.refused == nil {
			if why := refusal(err); why != nil {
				s.refused = fmt.Errorf("%w: %w", why, err)
			}
		}
	}
}

// ask reads the end of the log and one stream, and has an append refused for its revision, which comes after the question who may.
func ask(ctx context.Context, client *esdb.Client, prefix string, found *search) error {
	version, err := client.GetServerVersion()
	if err != nil {
		if found.refused != nil {
			return found.refused
		}
		return judged(err, nil)
	}
	if version.Major == 0 {
		return ErrNoEventStoreDB
	}
	ctx = onLeader(ctx)
	all, err := client.ReadAll(ctx, esdb.ReadAllOptions{Direction: esdb.Backwards, From: esdb.End{}}, 1)
	if err == nil {
		_, err = all.Recv()
		all.Close()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return judged(err, fmt.Errorf("%w: all streams in order ($all)", ErrReading))
	}
	stream := prefix + "product-" + uuid.NewString()
	one, err := client.ReadStream(ctx, stream, esdb.ReadStreamOptions{Direction: esdb.Forwards, From: esdb.Start{}}, 1)
	if err == nil {
		_, err = one.Recv()
		one.Close()
	}
	if err != nil && !errors.Is(err, io.EOF) && judge(err) != missing {
		return judged(err, fmt.Errorf("%w: streams such as %s", ErrReading, stream))
	}
	return askToWrite(ctx, client, stream)
}

// askToWrite appends at a revision that a stream which is not there cannot have.
func askToWrite(ctx context.Context, client *esdb.Client, stream string) error {
	var err error
	const attempts = 3
	for range attempts { // one that is refused while it is being sent does not hear why
		_, err = client.AppendToStream(ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(1 << 32)},
			esdb.EventData{EventID: uuid.New(), EventType: "probe", ContentType: esdb.ContentTypeJson, Data: []byte("{}")})
		if !errors.Is(err, io.EOF) {
			break
		}
	}
	if err == nil || judge(err) == conflict {
		return nil
	}
	return judged(err, fmt.Errorf("%w: such as %s", ErrWriting, stream))
}

// judged is an error of a call as Probe returns it; denied is what it means that the user may not.
func judged(err, denied error) error {
	why := refusal(err)
	if errors.Is(why, errDenied) && denied != nil {
		why = denied
	}
	if why == nil {
		why = domain.ErrUnavailable
	}
	return fmt.Errorf("%w: %w", why, err)
}

var errDenied = errors.New("access is denied")

// refusal says what an error means that waiting does not mend; nil for any other. What happened below gRPC it only tells in words.
func refusal(err error) error {
	text := err.Error()
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	var refused *esdb.Error
	denied := errors.As(err, &refused) && refused.Code() == esdb.ErrorCodeAccessDenied
	unknown := errors.As(err, &refused) && refused.Code() == esdb.ErrorCodeUnauthenticated
	switch code := status.Code(err); {
	case has("first record does not look like a TLS handshake"):
		return ErrPlain
	case has("x509: ", "tls: failed to verify", "tls: bad certificate", "tls: unknown certificate", "tls: certificate required",
		"tls: expired certificate"):
		return ErrCertificate
	case has("error reading server preface: http2: f"): // frames of another protocol, such as HTTP/1
		return ErrNoEventStoreDB
	case code == codes.Unauthenticated, unknown:
		return ErrCredentials
	case code == codes.PermissionDenied, denied:
		return errDenied
	case code == codes.Unimplemented:
		return ErrNoEventStoreDB
	}
	return nil
}
