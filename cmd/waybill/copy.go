package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
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
  postgres://…        another database; as the target it gets Waybill's tables first
  esdb://…            an EventStoreDB (also esdb+discover://…); WAYBILL_EVENTSTORE_PREFIX is
                      the prefix of its streams, where others use the same server

Streams, revisions, ids, types, bytes, metadata and the order of all events stay what they are. Positions are the
target's own. The time of recording stays in PostgreSQL; in EventStoreDB it is the time of the copy. Tokens and read
models are no part of the log and are not copied.

It can be interrupted and run again: it compares what is there and goes on after it. It refuses a target that holds
anything else, and a source whose streams were truncated. At the end every event has been compared with its copy.

To move with little downtime: copy while Waybill serves; stop the nodes; copy again, which adds only the rest; set
WAYBILL_EVENTSTORE; run "waybill rebuild all"; start the nodes.`
}

// Bounds of what a copy holds of each log at once, three chunks at most, and its patience with a store that is away.
const (
	copyChunkEvents = 5000
	copyChunkBytes  = 4 << 20
	copyPatience    = 5 * time.Minute
)

// copier copies one log onto another, or compares them.
type copier struct {
	source, target          copySide
	progress                *progress
	chunkEvents, chunkBytes int
	patience                time.Duration

	digest  *logDigest // of what was compared
	written cursor     // the target's end, as far as is known
}

var errSameStore = errors.New("--from and --to are the same store")

// Run is called by kong.
func (c copyCommand) Run(ctx context.Context, cfg config, out io.Writer) (err error) {
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = errors.New("interrupted; what is in the target is complete up to a point: run the same command again to go on from there")
		}
	}()
	if c.From == c.To {
		return errSameStore
	}
	source, err := openStore(ctx, cfg, c.From, false)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, source.close()) }()
	target, err := openStore(ctx, cfg, c.To, !c.VerifyOnly)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, target.close()) }()
	if same, err := source.same(ctx, target); err != nil {
		return err
	} else if same {
		return errSameStore
	}
	k := newCopier(source, target)
	k.progress = newProgress(os.Stderr)
	report, err := k.run(ctx, c.VerifyOnly)
	k.progress.close()
	if err != nil {
		return err
	}
	if !c.VerifyOnly {
		report += fmt.Sprintf("next      once no node writes to the source any more: copy again, set %s, run \"waybill rebuild all\" (positions differ), start the nodes\n", target.setting)
	}
	_, err = io.WriteString(out, report)
	return err
}

func newCopier(source, target *openedStore) *copier {
	return &copier{
		source: copySide{store: source.EventStore, role: "source"}, target: copySide{store: target.EventStore, role: "target"},
		chunkEvents: copyChunkEvents, chunkBytes: copyChunkBytes, patience: copyPatience, digest: newLogDigest(),
	}
}

func newLogDigest() *logDigest { return &logDigest{hash: sha256.New()} }

// run answers what was done, for the person at the terminal.
func (c *copier) run(ctx context.Context, verifyOnly bool) (string, error) {
	start := time.Now()
	there, err := c.compare(ctx, "comparing", cursor{}, c.digest)
	switch {
	case errors.Is(err, errOtherLog):
		return "", fmt.Errorf("%w; nothing was written: give an empty target, or one that holds the beginning of this log", err)
	case err != nil:
		return "", err
	case verifyOnly:
		if err := c.complete(ctx, there); err != nil {
			return "", err
		}
		return c.verified(there, time.Since(start)), nil
	}
	c.written = there
	copying := time.Now()
	if err := c.catchUp(ctx); err != nil {
		return "", err
	}
	copied, took := c.written.events-there.events, time.Since(copying)
	verifying := time.Now()
	at, err := c.compare(ctx, "verifying", there, c.digest)
	if err != nil {
		return "", err
	}
	if at.events < c.written.events {
		return "", fmt.Errorf("the target lost events: it took %s and holds %s", thousands(c.written.events), thousands(at.events))
	}
	return fmt.Sprintf("copied    %s events in %.1f s (%s/s); %s were there before\n", thousands(copied), took.Seconds(),
		thousands(perSecond(copied, took)), thousands(there.events)) + c.verified(at, copying.Sub(start)+time.Since(verifying)), nil
}

func (c *copier) verified(at cursor, took time.Duration) string {
	return fmt.Sprintf("verified  %s events are the same on both sides and in the same order, in %.1f s (%s/s)\nsha256    %s\n", thousands(at.events),
		took.Seconds(), thousands(perSecond(at.events, took)), c.digest)
}

// complete fails if the source goes on after a place.
func (c *copier) complete(ctx context.Context, at cursor) error {
	head, err := c.head(ctx, c.source)
	if err != nil || head <= at.source {
		return err
	}
	return fmt.Errorf("the target holds the first %s events, all the same, but the source has more: copy again without --verify-only", thousands(at.events))
}

func perSecond(events uint64, took time.Duration) uint64 {
	return uint64(float64(events) / max(took.Seconds(), 1e-9))
}
