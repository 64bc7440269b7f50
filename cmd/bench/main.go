// Command bench measures Waybill beside floors that it measures in the same run, and writes a report in Markdown. `make bench`
// builds the programs that it starts: bin/waybill and bin/esdbtest.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"waybill/cmd/config"
)

// cli is what the command line can say.
type cli struct {
	Quick bool     `help:"Every section at a tiny size, in under half a minute: shows that it runs, not how fast."`
	Only  []string `enum:"${sections}" default:"${sections}" help:"Only these sections."`
	// Remote is a server that the section eventstoredb may fill with events.
	Remote string `name:"eventstoredb" placeholder:"esdb://…" help:"Measure on this server, not on one of the bench's own; it is filled."`
	Floor  bool   `hidden:"" help:"Be the bare handler that the listing is measured against."`
}

func main() {
	if err := config.LimitMemory(); err != nil { // the floor is served under the same conditions as the server
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	stops := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		stops = append(stops, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), stops...)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var c cli
	parser, err := kong.New(&c, kong.Name("bench"), kong.Description("Measure Waybill, beside a floor measured in the same run."),
		kong.Vars{"sections": "rules,append,http,live,feed,rebuild,listing,places,desk,queue,reports,export,replay,start,images," +
			"eventstoredb"},
		kong.Writers(out, os.Stderr), kong.UsageOnError())
	if err != nil {
		return err
	}
	if _, err := parser.Parse(args); err != nil {
		return err
	}
	cfg, err := config.Load(os.Getenv)
	if err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	if c.Floor {
		return serveFloor(ctx, cfg)
	}
	return c.run(ctx, cfg, out)
}

// run measures. It fails when something does not work, never because something is slow.
func (c cli) run(ctx context.Context, cfg config.Config, out io.Writer) (err error) {
	b := &bench{cfg: cfg, size: fullSize, report: &report{out: out, quick: c.Quick}, eventStoreDB: c.Remote}
	if c.Quick {
		b.size = quickSize
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	b.report.line("%s", b.settings(ctx))
	if c.Quick {
		b.report.line("**--quick: sizes far too small for the figures to mean anything; targets are left out.**")
	}
	for _, section := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"rules", b.rules},
		{"append", b.appends},
		{"http", b.submissions},
		{"live", b.live},
		{"feed", b.feed},
		{"rebuild", b.rebuilds},
		{"listing", b.pages},
		{"places", b.places},
		{"desk", b.desk},
		{"queue", b.queue},
		{"reports", b.reports},
		{"export", b.exports},
		{"replay", b.replays},
		{"start", b.starts},
		{"images", b.images},
		{"eventstoredb", b.remote},
	} {
		if !slices.Contains(c.Only, section.name) {
			continue
		}
		b.progress("%s", section.name)
		if err := section.run(ctx); err != nil {
			return fmt.Errorf("bench %s: %w", section.name, err)
		}
	}
	return b.report.finish()
}
