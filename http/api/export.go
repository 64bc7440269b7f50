package api

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	nethttp "net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/commands"
	"waybill/http"
	"waybill/http/export"
	"waybill/http/tabular"
	"waybill/projections/history"
)

// How many exports go on at once, of a node and of an account: each holds a connection.
const (
	maxExports        = 4
	maxAccountExports = 2
)

// chunkTimeout is how long a piece of an export, of at most maxChunk, may take: who reads slowly gets all, who stands still is cut off.
const (
	chunkTimeout = 20 * time.Second
	maxChunk     = 64 << 10
)

// recordTimeout bounds the recording of an export.
const recordTimeout = 10 * time.Second

var (
	errManyExports = after(ownExportsPause, domain.Refuse(domain.KindTooSoon, "too_many_exports", "您正在进行的导出过多，请待其完成",
		"wait until your other exports are over"))
	errBusyExports = domain.Refuse(domain.KindUnavailable, "exports_busy", "正在进行的导出过多，请稍后重试", "too many exports go on; try again")
)

// ownExportsPause is when an account that has too many exports may try again.
const ownExportsPause = 10 * time.Second

// ExportAuditEvents sends all that a filter finds, as of a position (R44).
func (s *server) ExportAuditEvents(c echo.Context, params ExportAuditEventsParams) error {
	filter, err := historyFilter{
		Stream: params.Stream, Kind: string(params.Kind), Actor: params.Actor, Role: string(params.Role), Type: params.Type,
		Decision: string(params.Decision), Reason: params.Reason, Provider: params.Provider, EventID: params.EventID,
		CorrelationID: params.CorrelationID, RequestID: params.RequestID, From: params.From, To: params.To, FromDay: params.FromDay,
		ToDay: params.ToDay, Q: params.Q,
	}.parse()
	if err != nil {
		return err
	}
	if s.snapshots == nil {
		return http.ErrUnavailable
	}
	ctx := c.Request().Context()
	asOf, err := s.readAsOf(ctx, params.AsOf)
	if err != nil {
		return err
	}
	var upTo *domain.Position
	if asOf.given() {
		upTo = &asOf.position
		if err := s.waiting.wait(ctx, callOf(c).Account, history.Model.Name, asOf.position); err != nil {
			return err
		}
	}
	account := callOf(c).Account
	switch s.exports.enter(account, maxExports, maxAccountExports) {
	case fullOfOne:
		return errManyExports
	case fullOfAll:
		return errBusyExports
	case hasRoom:
	}
	defer s.exports.leave(account)
	req, err := s.request(c)
	if err != nil {
		return err
	}
	req.ID, req.IfRevision = uuid.New(), nil // it is a read: asked again, it is another file, and recorded as that
	callOf(c).Streams = true
	whole, err := history.Open(ctx, s.snapshots, filter, upTo)
	if err != nil {
		return err
	}
	defer whole.Close()
	format := tabular.Format(params.Format)
	if format == "" {
		format = acceptedFormat(c.Request().Header.Values("Accept"), tabular.Formats, tabular.Format.ContentType)
		c.Response().Header().Add("Vary", "Accept")
	}
	if err := export.Check(ctx, whole, format); err != nil {
		return err
	}
	out := newSender(c, whole.Position(), format)
	out.allowed, out.every = func() error { return s.mayStillExport(c) }, s.StreamTimes.orStandard().Check
	if http.IsHead(c.Request()) {
		out.begin()
		return nil // nothing is exported, and no record of it is there to be found
	}
	out.headers["Waybill-Export"] = req.ID.String()
	out.headers["Link"] = `</api/v1/audit/exports/` + req.ID.String() + `>; rel="describedby"`
	return s.send(c, req, whole, format, export.Query(filter), out)
}

// send writes the file and records it. What breaks off after its first byte breaks off the connection, so that nobody takes it for whole.
func (s *server) send(c echo.Context, req commands.Request, whole *history.Whole, format tabular.Format, query string, out *sender) error {
	ctx := c.Request().Context()
	file, err := export.Write(ctx, out, format, whole, nil)
	whole.Close()
	if err == nil {
		// The last chunk ends the response, and goes when the record is there.
		file.Query, req.At = query, s.web.Clock().UTC()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		var done commands.Outcome[audit.ExportState]
		done, err = s.Commands.RecordExport(limited, req, req.ID, file)
		cancel()
		if err == nil && callOf(c).head != nil {
			callOf(c).head.saw(done.Position)
		}
	}
	if err != nil {
		if !out.begun {
			return err
		}
		s.web.Logger.WarnContext(ctx, "export broken off", slog.String("request_id", callOf(c).RequestID),
			slog.String("export", req.ID.String()),
			slog.Any("error", err))
		panic(nethttp.ErrAbortHandler)
	}
	out.begin()
	sum, err := hex.DecodeString(file.SHA256)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	c.Response().Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":")
	return nil
}

// mayStillExport is asked now and then while an export goes out: whoever has lost the right to it gets no more.
func (s *server) mayStillExport(c echo.Context) error {
	principal, err := s.stillCalls(c)
	if err != nil {
		return err
	}
	_, err = s.roleFor(c.Request().Context(), callOf(c).op, principal)
	return err
}

// sender sends a response piece by piece, each within its time.
type sender struct {
	response  *echo.Response
	deadlines *nethttp.ResponseController
	ctx       context.Context
	headers   map[string]string
	begun     bool
	// allowed is asked every so often, and its error ends the response; checked is when it was asked last.
	allowed func() error
	every   time.Duration
	checked time.Time
}

func newSender(c echo.Context, position domain.Position, format tabular.Format) *sender {
	deadlines := nethttp.NewResponseController(c.Response())
	_ = deadlines.SetReadDeadline(time.Time{}) // that of the request would end the watch for the caller
	return &sender{
		response: c.Response(), deadlines: deadlines, ctx: c.Request().Context(), checked: time.Now(),
		headers: map[string]string{
			"Content-Type":        format.ContentType(),
			"Content-Disposition": `attachment; filename="` + export.Name(position, format) + `"`,
			"Waybill-Position":    strconv.FormatUint(uint64(position), 10),
			"Trailer":             "Repr-Digest",
		},
	}
}

// begin sends the header, once. Until then a refusal can be sent instead.
func (s *sender) begin() {
	if s.begun {
		return
	}
	s.begun = true
	for name, value := range s.headers {
		s.response.Header().Set(name, value)
	}
	s.response.WriteHeader(nethttp.StatusOK)
}

func (s *sender) Write(p []byte) (int, error) {
	s.begin()
	sent := 0
	for sent < len(p) {
		if err := context.Cause(s.ctx); err != nil {
			return sent, err
		}
		if now := time.Now(); now.Sub(s.checked) >= s.every {
			if err := s.allowed(); err != nil {
				return sent, err
			}
			s.checked = now
		}
		_ = s.deadlines.SetWriteDeadline(time.Now().Add(chunkTimeout)) // a recorder in a test has none
		n, err := s.response.Write(p[sent:min(sent+maxChunk, len(p))])
		if sent += n; err != nil {
			return sent, fmt.Errorf("send: %w", err)
		}
	}
	return sent, nil
}

var _ io.Writer = (*sender)(nil)

// GetAuditExport says what was exported.
func (s *server) GetAuditExport(c echo.Context, id ExportID, _ GetAuditExportParams) error {
	page, err := s.history.Query(c.Request().Context(), history.Filter{
		Stream: domain.Stream(audit.Category, id), Type: audit.Exported{}.EventType(), Limit: 1,
	})
	if err != nil {
		return err
	}
	if len(page.Rows) == 0 {
		return domain.ErrNotFound
	}
	e := page.Rows[0]
	var changes []struct{ After audit.Exported }
	if err := json.Unmarshal(e.Changes, &changes); err != nil || len(changes) != 1 {
		return fmt.Errorf("export %s: %d changes: %w", id, len(changes), err)
	}
	file := changes[0].After
	return answer(c, nethttp.StatusOK, AuditExport{
		ID: id, Query: file.Query, Format: AuditExportFormat(file.Format), Position: int64(file.Position), //nolint:gosec // fits a bigint
		Rows: file.Rows, Bytes: file.Bytes, Sha256: file.SHA256, Actor: Actor{ID: e.ActorID, Role: string(e.Role)}, At: at(e.At),
	})
}
