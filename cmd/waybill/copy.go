package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"waybill/cmd/config"
	"waybill/cmd/logcopy"
)

type copyCommand struct {
	From       string `required:"" placeholder:"STORE" help:"Where the log is."`
	To         string `required:"" placeholder:"STORE" help:"Where it goes: empty, or holding the beginning of the same log."`
	VerifyOnly bool   `help:"Only compare the two, event by event; write nothing."`
}

// Help is shown by waybill copy --help.
func (copyCommand) Help() string {
	return `A STORE is one of

  postgres            the database that DATABASE_URL names, or the embedded one
  postgres://…        another database; as the target it has the tables of "waybill migrate"
  esdb://…            an EventStoreDB (also esdb+discover://…); WAYBILL_EVENTSTORE_PREFIX is
                      the prefix of its streams, where others use the same server
  env:NAME            what the environment variable NAME holds: one of these
  file:PATH           what the file PATH holds: one of these

An argument shows in the list of processes: one with a password is refused. Use env: or file: for it.

Streams, revisions, ids, types, bytes, metadata and the order of all events stay what they are. Positions are the
target's own. The time of recording stays in PostgreSQL; in EventStoreDB it is the time of the copy. Tokens, read
models, images and the table of who uploaded them are no part of the log and are not copied: see docs/operating.md.

It can be interrupted and run again: it compares what is there and goes on after it. It refuses a target that holds
anything else, and a source whose streams were truncated. What others keep in an EventStoreDB that is the source is left
out: streams of categories that are not Waybill's. At the end every event has been compared with its copy.

To move with little downtime: copy while Waybill serves; stop the nodes; copy again, which adds only the rest; set
WAYBILL_EVENTSTORE; run "waybill rebuild all"; start the nodes.`
}

var errSameStore = errors.New("--from and --to are the same store")

// Run is called by kong.
func (c copyCommand) Run(ctx context.Context, cfg config.Config, getenv func(string) string, out io.Writer) (err error) {
	from, err := storeNamed(c.From, getenv)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	to, err := storeNamed(c.To, getenv)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	if from == to {
		return errSameStore
	}
	source, err := openStore(ctx, cfg, from, false)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, source.close()) }()
	target, err := openStore(ctx, cfg, to, !c.VerifyOnly)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, target.close()) }()
	if same, err := source.same(ctx, target); err != nil {
		return err
	} else if same {
		return errSameStore
	}
	if err := source.ownOnly(ctx, target); err != nil {
		return err
	}
	work := logcopy.Copy
	if c.VerifyOnly {
		work = logcopy.Verify
	}
	report, err := work(ctx, source.EventStore, target.EventStore, os.Stderr)
	if err != nil {
		return err
	}
	if source.remote != nil && source.remote.PassedOver() > 0 {
		report += "left out  streams that others keep in the same EventStoreDB\n"
	}
	if !c.VerifyOnly {
		report += fmt.Sprintf("next      once no node writes to the source any more: copy again, set %s, run \"waybill rebuild all\" "+
			"(positions differ), start the nodes\n", target.setting)
	}
	_, err = io.WriteString(out, report)
	return err
}
