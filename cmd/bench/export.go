package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/projections/history"
)

const (
	// exportTarget is in events per second, and exportRatio of the bare COPY's rate.
	exportTarget = 100_000
	exportRatio  = 0.5
)

// exports measures how fast the whole history leaves through HTTP, beside a bare COPY of the same columns of the same rows.
func (b *bench) exports(ctx context.Context) error {
	d, err := b.database(ctx, "bench_export")
	if err != nil {
		return err
	}
	size := []string{fmt.Sprintf("--products=%d", b.size.exported/10), fmt.Sprintf("--events=%d", b.size.exported)}
	if _, err := b.once(ctx, d.url, append([]string{"seed"}, size...)...); err != nil {
		return err
	}
	token, err := d.auditor(ctx)
	if err != nil {
		return err
	}
	if _, err := b.once(ctx, d.url, "rebuild", "all"); err != nil {
		return err
	}
	server, err := b.spawn(ctx, d.url, waybillProgram, "serve")
	if err != nil {
		return err
	}
	if err := d.caughtUp(ctx, 10*time.Minute); err != nil {
		return err
	}
	client := &nethttp.Client{Transport: &nethttp.Transport{DisableCompression: true}}
	ways := []struct {
		name string
		run  func() (bytes int64, err error)
	}{
		{"bare COPY … TO STDOUT", func() (int64, error) { return d.bareCopy(ctx) }},
		{"JSON Lines", func() (int64, error) { return download(ctx, client, server.base+"/api/v1/audit/export", token) }},
		{"CSV", func() (int64, error) {
			return download(ctx, client, server.base+"/api/v1/audit/export?format=csv", token)
		}},
		{"JSON Lines of one kind", func() (int64, error) {
			return download(ctx, client, server.base+"/api/v1/audit/export?kind=product", token)
		}},
	}
	var events, products int64
	if err := d.pool.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE kind = 'product') FROM `+history.Model.Schema+`.entries`).
		Scan(&events, &products); err != nil {
		return err
	}
	before, _ := memoryOf(server.process.Pid)
	took, sent := make([][]float64, len(ways)), make([]int64, len(ways))
	for range b.size.rounds {
		for i, way := range ways {
			b.progress("export: %s", way.name)
			start := time.Now()
			if sent[i], err = way.run(); err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			took[i] = append(took[i], time.Since(start).Seconds())
		}
	}
	rows := [][]string{{"way", "MB", "took", "events/s", "÷ bare COPY"}}
	floor := float64(events) / median(took[0])
	for i, way := range ways {
		n := events
		if i == 3 {
			n = products
		}
		rate := float64(n) / median(took[i])
		row := []string{
			way.name, fmt.Sprintf("%.1f", float64(sent[i])/1e6), fmt.Sprintf("%.2f s", median(took[i])),
			grouped(rate), fmt.Sprintf("%.2f", rate/floor),
		}
		if way.name == "JSON Lines" {
			row[3] = b.report.least("export, events/s", rate, exportTarget, "%.0f")
			row[4] = b.report.least("export ÷ bare COPY", rate/floor, exportRatio, "%.2f")
		}
		rows = append(rows, row)
	}
	b.report.table(fmt.Sprintf("Export of %s events through HTTP, one after the other; the floor copies the same columns in the same order",
		grouped(float64(events))), rows)
	after, peak := memoryOf(server.process.Pid)
	b.report.line("Server memory: %.0f MB resident before the exports, %.0f MB after them, %.0f MB at the peak since its start.",
		before, after, peak)
	return server.stop()
}

// auditor is the token of an account that may export.
func (d *database) auditor(ctx context.Context) (string, error) {
	service := commands.New(d.store, believing())
	request := func() commands.Request {
		id := uuid.New()
		return commands.Request{ID: id, CorrelationID: id, Actor: domain.Actor{Role: domain.RoleOperator}, At: time.Now().UTC()}
	}
	opened, err := service.OpenAccount(ctx, request(), "auditor")
	if err != nil {
		return "", err
	}
	if _, err := service.GrantRole(ctx, request(), opened.ID, domain.RoleAuditor); err != nil {
		return "", err
	}
	secret, err := postgres.NewTokens(d.pool).Issue(ctx, opened.ID, []domain.Role{domain.RoleAuditor}, "bench",
		time.Now().Add(24*time.Hour))
	return string(secret), err
}

type countingWriter int64

func (c *countingWriter) Write(p []byte) (int, error) {
	*c += countingWriter(len(p))
	return len(p), nil
}

func (d *database) bareCopy(ctx context.Context) (int64, error) {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	var size countingWriter
	_, err = conn.Conn().PgConn().CopyTo(ctx, &size, `COPY (SELECT position, revision, kind, type, role, request_id, subject_id,
		event_id, actor_id, correlation_id, provider_id, at, content_revision, changes, reasons, blanked FROM `+history.Model.Schema+`.entries ORDER BY position) TO STDOUT`)
	return int64(size), err
}

var errDownload = errors.New("an export was refused")

func download(ctx context.Context, client *nethttp.Client, address, token string) (int64, error) {
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	size, err := io.Copy(io.Discard, response.Body)
	if err == nil && (response.StatusCode != nethttp.StatusOK || response.Trailer.Get("Repr-Digest") == "") {
		err = fmt.Errorf("%w: %d", errDownload, response.StatusCode)
	}
	return size, err
}
