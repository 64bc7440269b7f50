package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	nethttp "net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/http"
)

// requests is the name space of the ids that derive from an Idempotency-Key.
var requests = uuid.MustParse("b7a5a3f1-64a7-5c51-8f1d-0d8f0f6d9b42")

// request makes the command's side of a write. The same account sending the same key to the same address is the same
// request; without a key every request is another one.
func (s *server) request(c echo.Context) (commands.Request, error) {
	in, r := callOf(c), c.Request()
	address := r.Method + " " + strings.ToLower(r.URL.Path)
	digest := sha256.Sum256(append([]byte(address+"\n"), in.body...))
	req := commands.Request{
		ID:            uuid.New(),
		Fingerprint:   hex.EncodeToString(digest[:16]),
		Actor:         domain.Actor{ID: in.Account, Role: in.role},
		CorrelationID: uuid.New(),
		RequestID:     in.RequestID,
		At:            s.web.Clock().UTC(),
	}
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		req.ID = uuid.NewSHA1(requests, []byte(in.Account.String()+"\n"+address+"\n"+key))
	}
	revision, err := ifMatch(r.Header.Values("If-Match"))
	if err != nil {
		return req, err
	}
	req.IfRevision = revision
	return req, nil
}

// written responds to a write, from its outcome alone: a repeated request gets the same response, byte for byte.
func written[S any](c echo.Context, status int, out commands.Outcome[S], body any) error {
	c.Response().Header().Set("ETag", etag(out.Revision))
	return untagged(c, status, out, body)
}

// untagged is written for a stream whose revision no read shows.
func untagged[S any](c echo.Context, status int, out commands.Outcome[S], body any) error {
	if head := callOf(c).head; head != nil {
		head.saw(out.Position)
	}
	header := c.Response().Header()
	header.Set("Waybill-Position", strconv.FormatUint(uint64(out.Position), 10))
	if out.Replayed {
		header.Set("Idempotency-Replayed", "true")
	}
	return answer(c, status, body)
}

// change carries out a command on one aggregate and responds with what it left behind.
func change[S any](c echo.Context, s *server, id uuid.UUID,
	command func(context.Context, commands.Request, uuid.UUID) (commands.Outcome[S], error),
	write func(echo.Context, int, commands.Outcome[S]) error,
) error {
	req, err := s.request(c)
	if err != nil {
		return err
	}
	out, err := command(c.Request().Context(), req, id)
	if err != nil {
		return err
	}
	return write(c, nethttp.StatusOK, out)
}

// answer writes JSON.
func answer(c echo.Context, status int, body any) error {
	raw, err := encode(body)
	if err != nil {
		return err
	}
	return http.Respond(c, status, echo.MIMEApplicationJSON, raw)
}

// encode makes JSON, with a line end for those who read it in a terminal.
func encode(body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return append(raw, '\n'), nil
}

// wrongParameter refuses one parameter, by name.
func wrongParameter(name, code, zh, en string) error {
	var f domain.Fields
	f.Add(name, code, zh, en)
	return f.Err()
}
