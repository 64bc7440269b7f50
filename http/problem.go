package http

import (
	"encoding/json"
	"errors"
	"log/slog"
	nethttp "net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"waybill/domain"
)

// fail responds with a problem (RFC 9457) and logs what is ours to mend.
func (w *Web) fail(err error, c echo.Context) {
	in := CallOf(c)
	shown := w.explained(c, err)
	ctx := c.Request().Context()
	if c.Response().Committed {
		return
	}
	header := c.Response().Header()
	switch shown.Status {
	case nethttp.StatusUnauthorized:
		challenge := `Bearer realm="waybill"`
		if c.Request().Header.Get("Authorization") != "" {
			challenge += `, error="invalid_token"`
		}
		header.Set("WWW-Authenticate", challenge)
	case nethttp.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(1))
	}
	if shown.After > 0 {
		header.Set("Retry-After", strconv.FormatInt(int64((shown.After+time.Second-1)/time.Second), 10))
	}
	for _, stale := range []string{"ETag", "Location"} {
		header.Del(stale)
	}
	header.Set("Cache-Control", "no-store")
	tongue := tongueOf(c.Request())
	header.Set("Content-Language", tongue.String())
	header.Add("Vary", "Accept-Language")
	body, err := json.Marshal(problemOf(shown, tongue, in.RequestID))
	if err != nil {
		body = []byte(`{}`)
	}
	body = append(body, '\n')
	if err := Respond(c, shown.Status, "application/problem+json", body); err != nil {
		w.Logger.DebugContext(ctx, "response not delivered", slog.String("request_id", in.RequestID), slog.Any("error", err))
	}
}

// explained is what may be shown of an error. What is ours to mend is logged.
func (w *Web) explained(c echo.Context, err error) *Refusal {
	shown := Explain(err)
	ctx := c.Request().Context()
	if shown.Status >= nethttp.StatusInternalServerError && ctx.Err() == nil {
		level := slog.LevelError
		if shown.Status == nethttp.StatusServiceUnavailable {
			level = slog.LevelWarn // it passes, and the caller was told to try again
		}
		if errors.Is(err, domain.ErrRefused) {
			level = slog.LevelDebug // the store says so, once a minute, and not once a request
		}
		w.Logger.Log(ctx, level, "request failed", slog.String("request_id", CallOf(c).RequestID),
			slog.String("code", shown.Code), slog.Any("error", err))
	}
	return shown
}

// ProblemOf is the problem that an error is within an answer about several things, as JSON: what a whole answer would be, without its
// headers.
func (w *Web) ProblemOf(c echo.Context, err error) (*Refusal, []byte, error) {
	shown := w.explained(c, err)
	body, err := json.Marshal(problemOf(shown, tongueOf(c.Request()), CallOf(c).RequestID))
	return shown, body, err
}

// problem is what a refusal looks like (RFC 9457). The specification of http/api has it too.
type problem struct {
	// Claim is who holds the case and until when, where that is why.
	Claim  *holder `json:"claim,omitempty"`
	Code   string  `json:"code"`
	Detail string  `json:"detail"`
	// Errors are the mistakes of the input, MaxMistakes at most.
	Errors    []mistake `json:"errors,omitempty"`
	Messages  messages  `json:"messages"`
	Parts     []Part    `json:"parts,omitempty"`
	RequestID string    `json:"request_id"`
	Status    int       `json:"status"`
	Title     string    `json:"title"`
	Type      string    `json:"type"`
}

// instant is a time in UTC as all answers write it.
const instant = "2006-01-02T15:04:05.000000Z"

// holder is a reviewer who holds a case.
type holder struct {
	Reviewer uuid.UUID `json:"reviewer"`
	Name     string    `json:"reviewer_name,omitempty"`
	Until    string    `json:"until"`
}

// mistake is one mistake of the input, in the body (Pointer, RFC 6901) or in a parameter.
type mistake struct {
	Code      string   `json:"code"`
	Detail    string   `json:"detail"`
	Messages  messages `json:"messages"`
	Parameter string   `json:"parameter,omitempty"`
	Pointer   string   `json:"pointer,omitempty"`
}

// messages is one sentence in Chinese and English.
type messages struct {
	En string `json:"en"`
	Zh string `json:"zh"`
}

// MaxMistakes bounds how many mistakes one problem lists, so that a small hostile body does not get a huge response.
const MaxMistakes = 100

func problemOf(shown *Refusal, tongue language.Tag, requestID string) problem {
	p := problem{
		Type: "/problems/" + shown.Code, Title: say(shown.Text, tongue), Status: shown.Status, Code: shown.Code,
		Detail: say(shown.Text, tongue), Messages: messages{Zh: shown.Text.ZH, En: shown.Text.EN}, Parts: shown.Parts, RequestID: requestID,
	}
	if shown.Claim != nil {
		p.Claim = &holder{shown.Claim.Reviewer, shown.Claim.Name, shown.Claim.Until.UTC().Format(instant)}
	}
	for _, f := range shown.Fields[:min(len(shown.Fields), MaxMistakes)] {
		m := mistake{Code: f.Code, Detail: say(f.Text, tongue), Messages: messages{Zh: f.Text.ZH, En: f.Text.EN}}
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
