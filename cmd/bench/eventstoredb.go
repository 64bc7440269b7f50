package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"waybill/adapters/eventstoredb"
	"waybill/domain"
)

// remote measures the store on an EventStoreDB beside the bare client, which does the same calls on the same server.
func (b *bench) remote(ctx context.Context) error {
	address := b.eventStoreDB
	if address == "" {
		var err error
		if address, err = b.spawnEventStoreDB(ctx); err != nil {
			return err
		}
	}
	store, err := eventstoredb.Open(eventstoredb.Config{ConnectionString: address, Logger: b.cfg.Logger(os.Stderr)})
	if err != nil {
		return err
	}
	b.closers = append(b.closers, store.Close)
	settings, err := esdb.ParseConnectionString(address)
	if err != nil {
		return err
	}
	settings.Logger = esdb.NoopLogging()
	client, err := esdb.NewClient(settings)
	if err != nil {
		return err
	}
	b.closers = append(b.closers, client.Close)
	event, err := typicalEvent()
	if err != nil {
		return err
	}
	rows := [][]string{{"callers", "client", "p50", "p99", "store", "p50", "p99", "store ÷ client"}}
	for _, callers := range []int{1, 32, 128} {
		b.progress("append to EventStoreDB with %d callers", callers)
		var bare, ours runs
		var ratios []float64
		for round := range b.remoteRounds() {
			byTurns(round, func() { bare = append(bare, clientAlone(ctx, client, callers, b.size.run/2, event)) },
				func() { ours = append(ours, appendAlone(ctx, store, callers, b.size.run/2, event)) })
			ratios = append(ratios, ours[round].perSecond()/bare[round].perSecond())
		}
		b.report.works("append by the client", bare.together())
		b.report.works("append to EventStoreDB", ours.together())
		c, s := bare.together(), ours.together()
		rows = append(rows, []string{
			fmt.Sprint(callers), grouped(bare.perSecond()) + "/s", millis(c.percentile(50)), millis(c.percentile(99)),
			grouped(ours.perSecond()) + "/s", millis(s.percentile(50)), millis(s.percentile(99)),
			b.report.least(fmt.Sprintf("EventStoreDB, append, %d callers", callers), median(ratios), 0.9, "%.2f"),
		})
	}
	title := fmt.Sprintf("EventStoreDB, append: one event per call, %d bytes of data and %d of metadata; the bare client does "+
		"the same by turns with it, the last column is the median of the rounds' own", len(event.Data), len(event.Metadata))
	b.report.table(title, rows)
	return b.remoteReads(ctx, client, store)
}

// remoteReads measures how fast a read model would catch up with what the appends left.
func (b *bench) remoteReads(ctx context.Context, client *esdb.Client, store *eventstoredb.Store) error {
	total := 0
	for _, err := range store.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			return err
		}
		total++
	}
	rows := [][]string{{"catching up", "events", "client", "store", "store ÷ client"}}
	for _, way := range []struct {
		name       string
		bare, ours func(context.Context) (int, error)
	}{
		{
			"read", func(ctx context.Context) (int, error) { return readByClient(ctx, client, total) },
			func(ctx context.Context) (int, error) {
				return count(store.ReadAll(ctx, 0, domain.Forward, domain.NoLimit), total)
			},
		},
		{
			"subscription", func(ctx context.Context) (int, error) { return subscribeByClient(ctx, client, total) },
			func(ctx context.Context) (int, error) { return count(store.Subscribe(ctx, 0), total) },
		},
	} {
		b.progress("catch up with %s events of EventStoreDB by %s", grouped(float64(total)), way.name)
		var bare, ours, ratios []float64
		for round := range b.remoteRounds() {
			var failed error
			measure := func(rates *[]float64, read func(context.Context) (int, error)) {
				limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
				defer cancel()
				start := time.Now()
				n, err := read(limited)
				*rates = append(*rates, float64(n)/time.Since(start).Seconds())
				failed = errors.Join(failed, err)
			}
			byTurns(round, func() { measure(&bare, way.bare) }, func() { measure(&ours, way.ours) })
			if failed != nil {
				return fmt.Errorf("%s of %d events: %w", way.name, total, failed)
			}
			ratios = append(ratios, ours[round]/bare[round])
		}
		rows = append(rows, []string{
			way.name, grouped(float64(total)), grouped(median(bare)) + "/s", grouped(median(ours)) + "/s",
			b.report.least("EventStoreDB, catching up by "+way.name, median(ratios), 0.9, "%.2f"),
		})
	}
	b.report.table("EventStoreDB, catching up from the start of the log", rows)
	return nil
}

// remoteRounds is how often client and store take turns: more often than others, since what is judged is a small difference.
func (b *bench) remoteRounds() int { return 2*b.size.rounds + 1 }

// byTurns has each of the two go first every other time: the machine gets faster or slower meanwhile.
func byTurns(round int, one, other func()) {
	if round%2 == 1 {
		one, other = other, one
	}
	one()
	other()
}

// clientAlone drives the bare client.
func clientAlone(ctx context.Context, client *esdb.Client, n int, length time.Duration, event domain.NewEvent) sample {
	writers := newWriters(n, event)
	return drive(ctx, n, length, func(ctx context.Context, w int) error {
		stream, _, revision, e := writers[w].next()
		options := esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}
		if revision > 0 {
			options.ExpectedRevision = esdb.Revision(uint64(revision - 1))
		}
		_, err := client.AppendToStream(ctx, string(stream), options,
			esdb.EventData{EventID: e.ID, EventType: e.Type, ContentType: esdb.ContentTypeJson, Data: e.Data, Metadata: e.Metadata})
		return err
	})
}

// count takes so many events off a sequence.
func count(events func(func(domain.RecordedEvent, error) bool), want int) (n int, err error) {
	for _, err := range events {
		if err != nil {
			return n, err
		}
		if n++; n == want {
			break
		}
	}
	return n, nil
}

// readByClient counts the events that are not the server's own, as the store does.
func readByClient(ctx context.Context, client *esdb.Client, want int) (n int, err error) {
	read, err := client.ReadAll(ctx, esdb.ReadAllOptions{From: esdb.Start{}}, 1<<62)
	if err != nil {
		return 0, err
	}
	defer read.Close()
	for n < want {
		e, err := read.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, err
		}
		if e.Event.EventType[0] != '$' {
			n++
		}
	}
	return n, nil
}

func subscribeByClient(ctx context.Context, client *esdb.Client, want int) (n int, err error) {
	options := esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: esdb.ExcludeSystemEventsFilter()}
	subscription, err := client.SubscribeToAll(ctx, options)
	if err != nil {
		return 0, err
	}
	defer subscription.Close() //nolint:errcheck // it has no errors
	for n < want {
		switch got := subscription.Recv(); {
		case got.EventAppeared != nil:
			n++
		case got.SubscriptionDropped != nil:
			return n, got.SubscriptionDropped.Error
		}
	}
	return n, nil
}

// esdbtestProgram is the EventStoreDB that `make bench` builds; it holds its data in memory.
const esdbtestProgram = "bin/esdbtest"

var esdbAddress = regexp.MustCompile(`esdb://\S+`)

// spawnEventStoreDB starts that program and returns its connection string. The bench stops it at the end.
func (b *bench) spawnEventStoreDB(ctx context.Context) (string, error) {
	if _, err := os.Stat(esdbtestProgram); err != nil {
		return "", fmt.Errorf("%w ('make bench' builds it; or name a server with --eventstoredb)", err)
	}
	cmd := exec.Command(esdbtestProgram, "-listen", "127.0.0.1:0") //nolint:noctx // stopped below, with a signal it can act on
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	b.closers = append(b.closers, func() error { return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()) })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := esdbAddress.FindString(lines.Text()); found != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return found, ctx.Err()
		}
	}
	return "", fmt.Errorf("%s says no address: %w", esdbtestProgram, lines.Err())
}
