package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/schollz/progressbar/v3"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/events"
	"waybill/domain/workdays"
	exports "waybill/http/export"
	"waybill/http/tabular"
	"waybill/projections/history"
	"waybill/projections/runtime"
)

type exportCommand struct {
	Format string `enum:"jsonl,csv,xlsx" default:"jsonl" help:"jsonl (JSON Lines), csv or xlsx (Excel)."`
	Out    string `type:"path" placeholder:"FILE" help:"Write it into a file, which must not be there yet; else to the standard output."`
	AsOf   string `placeholder:"POSITION|TIME" help:"Up to this position, or to that before the first event later than a time (RFC 3339)."`

	Stream        string        `help:"Of one stream, such as product-0193b3a0-6f2e-7cc1-9d0e-2f6f1c1f5a01."`
	Kind          string        `enum:",${kinds}" default:"" help:"Of one kind of streams: ${kinds}."`
	Type          string        `help:"Of one type, such as product-approved.v1."`
	Role          string        `enum:",${roles}" default:"" help:"By the role in which the actor acted: ${roles}."`
	Decision      string        `enum:",approved,first_approved,rejected,revoked" default:"" help:"By what was decided: ${enum}."`
	Reason        string        `help:"By a reason's code."`
	Actor         *uuid.UUID    `help:"By the account that acted; the nil id is the system."`
	Provider      *uuid.UUID    `help:"All that belongs to a provider."`
	EventID       *uuid.UUID    `name:"event-id" help:"One event."`
	CorrelationID *uuid.UUID    `name:"correlation-id" help:"All that one request from outside set off."`
	RequestID     string        `name:"request-id" help:"By the X-Request-Id."`
	From          *time.Time    `help:"Not before; RFC 3339."`
	To            *time.Time    `help:"Before; RFC 3339."`
	FromDay       *workdays.Day `name:"from-day" placeholder:"YYYY-MM-DD" help:"The first day, in Beijing."`
	ToDay         *workdays.Day `name:"to-day" placeholder:"YYYY-MM-DD" help:"The last day, included."`
	Text          string        `short:"q" placeholder:"WORDS" help:"Words in what was typed."`

	As string `required:"" placeholder:"ACCOUNT" help:"Your own account, an auditor's: its id or name. The history has it."`
}

// Help is shown by waybill export --help.
func (exportCommand) Help() string {
	return `It writes all that the filters find in the history, oldest first, as of one position, and records the export with
the file's SHA-256 under your account. A file has its name only when it is whole.`
}

// Run is called by kong.
func (c exportCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		actor, err := a.auditor(ctx, c.As)
		if err != nil {
			return fmt.Errorf("--as: %w", err)
		}
		if err := c.place(out); err != nil {
			return err
		}
		filter, err := c.filter()
		if err != nil {
			return err
		}
		if err := runtime.OfThisLog(ctx, a.pool, a.store, history.Model); err != nil {
			return err
		}
		upTo, err := a.positionOf(ctx, c.AsOf)
		if err != nil {
			return fmt.Errorf("--as-of: %w", err)
		}
		whole, err := history.Open(ctx, a.pool, filter, upTo)
		if err != nil {
			return err
		}
		defer whole.Close()
		if err := exports.Check(ctx, whole, tabular.Format(c.Format)); err != nil {
			return err
		}
		req := a.request(actor)
		record := func(file audit.Exported) error {
			file.Query = exports.Query(filter)
			req.At = a.clock.Now()
			_, err := a.commands.RecordExport(context.WithoutCancel(ctx), req, req.ID, file)
			return err
		}
		file, err := c.write(ctx, plainOutput(out), whole, record)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "export %s: %d rows and %d bytes up to position %d, SHA-256 %s\n",
			req.ID, file.Rows, file.Bytes, file.Position, file.SHA256)
		return nil
	})
}

// place looks at where the file is to be, before anything is read: an earlier export is not written over, nor an Excel file to a terminal.
func (c exportCommand) place(out io.Writer) error {
	if c.Out == "" {
		if _, ok := plainOutput(out).(*terminal); ok && c.Format == string(tabular.Excel) {
			return errNotForTerminals
		}
		return nil
	}
	switch _, err := os.Lstat(c.Out); {
	case err == nil:
		return fmt.Errorf("--out: %s is there already", c.Out)
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

// rolesOfActors is "enterprise,provider,…", as --role takes it.
func rolesOfActors() string {
	return roleList([]domain.Role{
		domain.RoleEnterprise, domain.RoleProvider, domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator, domain.RoleSystem,
	})
}

// auditor is whom --as names, once it is sure that it is an auditor.
func (a *app) auditor(ctx context.Context, named string) (domain.Actor, error) {
	id, err := a.accountNamed(ctx, named)
	if err != nil {
		return domain.Actor{}, err
	}
	state, err := a.commands.Account(ctx, id)
	switch {
	case errors.Is(err, domain.ErrNotFound), err == nil && (state.Closed || !state.Holds(domain.RoleAuditor)):
		return domain.Actor{}, errors.New("this is not an auditor's account")
	case err != nil:
		return domain.Actor{}, err
	}
	return domain.Actor{ID: id, Role: domain.RoleAuditor}, nil
}

func (c exportCommand) filter() (history.Filter, error) {
	f := history.Filter{
		Stream: domain.StreamName(c.Stream), Kind: c.Kind, Type: c.Type, Role: domain.Role(c.Role), Decision: history.Decision(c.Decision),
		Reason: c.Reason, Actor: c.Actor, Provider: c.Provider, EventID: c.EventID, CorrelationID: c.CorrelationID, RequestID: c.RequestID,
		From: c.From, To: c.To, Text: c.Text,
	}
	if _, ok := events.Types[c.Type]; c.Type != "" && !ok {
		return f, fmt.Errorf("--type: there is no type %q of events", c.Type)
	}
	if _, err := f.Stream.ID(); f.Stream != "" && err != nil {
		return f, fmt.Errorf("--stream: %w", err)
	}
	exports.Days(&f, c.FromDay, c.ToDay)
	if f.From != nil && f.To != nil && !f.From.Before(*f.To) {
		return f, errors.New("the time that is asked for ends before it begins")
	}
	return f, nil
}

// plainOutput is what a terminal's escaping stands before: a file has its bytes as they are.
func plainOutput(out io.Writer) io.Writer {
	if t, ok := out.(*terminal); ok && !isTerminal(t.to) {
		return t.to
	}
	return out
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// write writes the file and has it recorded before it gets its name.
func (c exportCommand) write(ctx context.Context, out io.Writer, whole *history.Whole, record func(audit.Exported) error) (
	file audit.Exported, err error,
) {
	progress, done := c.progress(whole)
	defer done()
	if c.Out == "" {
		if file, err = exports.Write(ctx, out, tabular.Format(c.Format), whole, progress); err == nil {
			whole.Close()
			err = record(file)
		}
		return file, err
	}
	part, err := os.CreateTemp(filepath.Dir(c.Out), "."+filepath.Base(c.Out)+".part-*")
	if err != nil {
		return file, fmt.Errorf("--out: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, part.Close(), os.Remove(part.Name()))
		}
	}()
	if file, err = exports.Write(ctx, part, tabular.Format(c.Format), whole, progress); err != nil {
		return file, err
	}
	whole.Close()
	if err = part.Sync(); err != nil {
		return file, fmt.Errorf("--out: %w", err)
	}
	if err = record(file); err != nil {
		return file, err
	}
	if err = os.Rename(part.Name(), c.Out); err != nil {
		return file, fmt.Errorf("--out: %w", err)
	}
	return file, part.Close()
}

// progress shows how far it is on a terminal, and nothing elsewhere.
func (c exportCommand) progress(whole *history.Whole) (show func(rows int64, at domain.Position), done func()) {
	if !isTerminal(os.Stderr) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(int64(whole.Position()), //nolint:gosec // fits
		progressbar.OptionSetWriter(os.Stderr), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription("position"), progressbar.OptionShowCount())
	return func(_ int64, at domain.Position) { _ = bar.Set64(int64(at)) }, func() { _ = bar.Finish() } //nolint:gosec // fits
}
