package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// report is Markdown, written as it comes, so that it can be pasted into docs/ and a broken run still shows something.
type report struct {
	out io.Writer
	// quick leaves the targets out: at such sizes nothing is proved or disproved.
	quick  bool
	judged int
	unmet  []string
	failed error
	err    error
}

func (r *report) line(format string, args ...any) {
	if _, err := fmt.Fprintf(r.out, format+"\n\n", args...); err != nil && r.err == nil {
		r.err = err
	}
}

// table writes a heading and a whole table; the first row is its header.
func (r *report) table(title string, rows [][]string) {
	var text strings.Builder
	fmt.Fprintf(&text, "### %s\n", title)
	for i, row := range rows {
		text.WriteString("\n| " + strings.Join(row, " | ") + " |")
		if i == 0 {
			text.WriteString("\n|" + strings.Repeat("---|", len(row)))
		}
	}
	r.line("%s", text.String())
}

// least is a table cell that judges a value which should be at least so much.
func (r *report) least(name string, value, least float64, format string) string {
	return r.judge(name, value >= least, fmt.Sprintf(format, value), "≥ "+fmt.Sprintf(format, least))
}

// most is a table cell that judges a value which should be at most so much.
func (r *report) most(name string, value, most float64, format string) string {
	return r.judge(name, value <= most, fmt.Sprintf(format, value), "≤ "+fmt.Sprintf(format, most))
}

func (r *report) judge(name string, met bool, value, target string) string {
	if r.quick {
		return value
	}
	r.judged++
	if met {
		return fmt.Sprintf("%s (%s: met)", value, target)
	}
	r.unmet = append(r.unmet, fmt.Sprintf("%s: %s (%s)", name, value, target))
	return fmt.Sprintf("%s (%s: **not met**)", value, target)
}

// works keeps the first failure of calls that should have succeeded.
func (r *report) works(what string, s sample) {
	if s.failed == 0 {
		return
	}
	r.line("**%s: %d calls failed, the first with: %s**", what, s.failed, s.failure)
	r.failed = errors.Join(r.failed, fmt.Errorf("%s: %d calls failed: %w", what, s.failed, s.failure))
}

func (r *report) finish() error {
	if r.quick {
		return errors.Join(r.failed, r.err)
	}
	r.line("%d of %d targets met.", r.judged-len(r.unmet), r.judged)
	if len(r.unmet) > 0 {
		r.line("Not met:\n- %s", strings.Join(r.unmet, "\n- "))
	}
	return errors.Join(r.failed, r.err)
}

// settings says under what conditions the figures were taken.
func (b *bench) settings(ctx context.Context) string {
	conn, err := pgx.Connect(ctx, b.cluster.URL())
	if err != nil {
		return err.Error()
	}
	defer conn.Close(ctx)
	var said []string
	for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size"} {
		var value string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return err.Error()
		}
		said = append(said, name+"="+value)
	}
	return fmt.Sprintf("Measured %s on %d CPUs (%s/%s), %s, PostgreSQL %s (%s), at most %d connections in each pool. "+
		"Database, server, floor and load generator share the machine; floor and Waybill take turns (%d × %s; listing pages %d × %s), "+
		"figures are medians. "+
		"Load of the machine before the first of them: %s.",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(),
		conn.PgConn().ParameterStatus("server_version"), strings.Join(said, ", "), b.cfg.MaxConns,
		b.size.rounds, b.size.run, b.size.pageRounds, b.size.pageRun, loadAverage())
}

// loadAverage is how many processes wanted a CPU in the last minute: with others at work, ratios suffer less than figures.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	last, _, _ := strings.Cut(string(text), " ")
	return last
}
