package media

import (
	"context"
	"errors"
	"net"
	nethttp "net/http"
	"net/url"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob" // s3://
)

// s3Silence is how long a server of S3 may say nothing, and take nothing, before its connection is closed; the client tries again over
// another. By itself it would wait for ever.
const s3Silence = 15 * time.Second

// openBucket opens a bucket of S3 by its URL, as its package does, over connections that end when the server goes silent.
func openBucket(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	plain, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		return nil, err
	}
	var client *s3.Client
	if !plain.As(&client) {
		return plain, nil
	}
	options := client.Options()
	http, ok := options.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return plain, nil
	}
	if err := plain.Close(); err != nil {
		return nil, err
	}
	dial := http.GetDialer().DialContext
	options.HTTPClient = http.WithTransportOptions(func(t *nethttp.Transport) {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &hurried{conn}, nil
		}
	})
	query := u.Query()
	given := s3blob.Options{KMSEncryptionID: query.Get("kmskeyid"), RequestChecksumCalculation: options.RequestChecksumCalculation}
	for _, kind := range types.ServerSideEncryption("").Values() {
		if strings.EqualFold(string(kind), query.Get("ssetype")) {
			given.EncryptionType = kind
		}
	}
	bucket, err := s3blob.OpenBucket(ctx, s3.New(options), u.Host, &given)
	if err != nil {
		return nil, err
	}
	switch prefix, key := query.Get("prefix"), query.Get("key"); {
	case key != "":
		return nil, errors.Join(errors.New("key is no parameter of a store"), bucket.Close())
	case prefix != "":
		return blob.PrefixedBucket(bucket, prefix), nil
	}
	return bucket, nil
}

// hurried is a connection whose peer has to be heard of, or to take what is sent, again and again.
type hurried struct{ net.Conn }

// Read implements net.Conn.
func (h *hurried) Read(p []byte) (int, error) {
	if err := h.SetReadDeadline(time.Now().Add(s3Silence)); err != nil {
		return 0, err
	}
	return h.Conn.Read(p)
}

// Write implements net.Conn. What is sent puts the wait for an answer off.
func (h *hurried) Write(p []byte) (int, error) {
	if err := h.SetDeadline(time.Now().Add(s3Silence)); err != nil {
		return 0, err
	}
	return h.Conn.Write(p)
}
