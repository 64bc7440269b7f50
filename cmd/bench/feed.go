package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/demo"
	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/account"
	"waybill/domain/booking"
)

const (
	// feedRate is how many events a second happen while they are followed, and feedWriters how many append them.
	feedRate    = 1000
	feedWriters = 16
	// feedMemory is how much memory, in MB, the server may take meanwhile.
	feedMemory = 300
	// feedPerAccount is how many readers one account has, where many follow one scope.
	feedPerAccount = 100
	// spareFiles is how many files each process may need beside its readers' connections.
	spareFiles = 200
)

// follower is an account that follows its own bookings, and one booking of it.
type follower struct {
	token   access.Secret
	booking domain.StreamName
	next    domain.Revision
}

// feed measures how long after the acknowledgement of an append those who follow the feed get the event.
func (b *bench) feed(ctx context.Context) error {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	if need := uint64(b.size.readers) + spareFiles; files.Cur < need { //nolint:gosec // a thousand
		b.report.line("**feed: left out, for a process may open %d files here and needs %d (`ulimit -n`).**", files.Cur, need)
		return nil
	}
	p, err := b.portalWorld(ctx)
	if err != nil {
		return err
	}
	own, auditors, err := p.followers(ctx, b.size.readers)
	if err != nil {
		return err
	}
	rows := [][]string{{"readers", "events/s", "items received/s", "p50", "p99", "longest", "CPU of the server", "of the load"}}
	for _, c := range []struct {
		name, query string
		tokens      []access.Secret
		all         bool
	}{
		{fmt.Sprintf("%d, each its own scope", b.size.readers), "?as=enterprise", tokensOf(own), false},
		{fmt.Sprintf("%d, all on one scope", b.size.readers), "?as=auditor", auditors, true},
	} {
		if err := p.caughtUp(ctx, time.Minute); err != nil {
			return err
		}
		got, err := p.followed(ctx, b.size.live, c.query, c.tokens, own)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		want := got.events
		if c.all {
			want *= int64(len(c.tokens))
		}
		if got.received != want {
			missing := fmt.Errorf("feed, %s: %d items were received, not %d", c.name, got.received, want)
			b.report.failed = errors.Join(b.report.failed, missing)
		}
		rows = append(rows, []string{
			c.name, grouped(float64(got.events) / got.took.Seconds()), grouped(float64(got.received) / got.took.Seconds()),
			millis(got.percentile(50)), b.report.most("feed, "+c.name+", p99", got.percentile(99).Seconds()*1000, 100, "%.0f ms"),
			millis(got.percentile(100)), fmt.Sprintf("%.0f %% of one", got.cpu*100), fmt.Sprintf("%.0f %% of one", got.load*100),
		})
		now, peak := memoryOf(p.server.process.Pid)
		b.report.line("Server memory with %s: %.0f MB resident at the end, at the peak %s.", c.name, now,
			b.report.most("server memory, feed, "+c.name, peak, feedMemory, "%.0f MB"))
	}
	b.report.table(fmt.Sprintf("Feed: %d events/s for %s, from an append's acknowledgement to a reader of server-sent events who has it",
		feedRate, b.size.live), rows)
	return nil
}

func tokensOf(all []*follower) []access.Secret {
	tokens := make([]access.Secret, len(all))
	for i, f := range all {
		tokens[i] = f.token
	}
	return tokens
}

// followers opens so many enterprises, each with a booking, and the tokens of as many readers who are auditors.
func (p *portal) followers(ctx context.Context, n int) ([]*follower, []access.Secret, error) {
	open := func(role domain.Role, facts ...domain.Event) (uuid.UUID, access.Secret, error) {
		id := uuid.New()
		if _, err := p.happen(ctx, domain.Stream(account.Category, id), domain.NoStream(), facts...); err != nil {
			return id, "", err
		}
		token, err := p.tokens.Issue(ctx, id, []domain.Role{role}, "bench", time.Now().Add(time.Hour))
		return id, token, err
	}
	all := make([]*follower, n)
	for i := range all {
		id, token, err := open(domain.RoleEnterprise, account.Opened{DisplayName: "测量"}, account.Certified{Source: "operator"})
		if err != nil {
			return nil, nil, err
		}
		f := &follower{token: token, booking: domain.Stream(booking.Category, uuid.New()), next: 1}
		_, err = p.happen(ctx, f.booking, domain.NoStream(), booking.Requested{
			ProductID: demo.ProductID(0, 0), ProductRevision: 1, ProviderID: p.sellers[0].actor.ID, EnterpriseID: id,
			Inquiry: booking.Inquiry{ContactName: "测量", Phone: "13876543210", Message: "测量"},
		})
		if err != nil {
			return nil, nil, err
		}
		all[i] = f
	}
	var auditors []access.Secret
	for len(auditors) < n {
		_, token, err := open(domain.RoleAuditor, account.Opened{DisplayName: "测量"}, account.RoleGranted{Role: domain.RoleAuditor})
		if err != nil {
			return nil, nil, err
		}
		for range min(feedPerAccount, n-len(auditors)) {
			auditors = append(auditors, token)
		}
	}
	return all, auditors, nil
}

// happen appends facts, as a system's.
func (p *portal) happen(
	ctx context.Context, stream domain.StreamName, at domain.ExpectedRevision, facts ...domain.Event,
) (domain.Position, error) {
	metadata, err := json.Marshal(domain.Metadata{At: time.Now().UTC(), CorrelationID: uuid.New(), Schema: domain.MetadataSchema})
	if err != nil {
		return 0, err
	}
	events := make([]domain.NewEvent, len(facts))
	for i, fact := range facts {
		data, err := json.Marshal(fact)
		if err != nil {
			return 0, err
		}
		events[i] = domain.NewEvent{ID: uuid.New(), Type: fact.EventType(), Data: data, Metadata: metadata}
	}
	result, err := p.store.Append(ctx, stream, at, events)
	return result.Position, err
}

// maxDelay is the longest delay that is told apart from longer ones, in steps of delayStep.
const (
	maxDelay  = 5 * time.Second
	delayStep = 500 * time.Microsecond
)

// delays counts how often each delay was seen.
type delays [maxDelay/delayStep + 1]int32

func (d *delays) add(delay time.Duration) {
	d[min(max(delay, 0)/delayStep, maxDelay/delayStep)]++
}

// following is what readers got.
type following struct {
	delays
	events, received int64
	took             time.Duration
	// cpu is the server's time by that of the clock, and load that of this process, which appends and reads.
	cpu, load float64
}

// percentile is the delay that p percent did not exceed, to a step.
func (f *following) percentile(p float64) time.Duration {
	rank := int64(float64(f.received) * p / 100)
	for i, n := range f.delays {
		if rank -= int64(n); rank <= 0 {
			return time.Duration(i+1) * delayStep
		}
	}
	return maxDelay
}

// followed has readers follow the feed while events happen, and waits until they have them all.
func (p *portal) followed(
	ctx context.Context, length time.Duration, query string, tokens []access.Secret, own []*follower,
) (*following, error) {
	base, err := p.head(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	acknowledged := make([]atomic.Int64, int(length.Seconds()*feedRate)+feedWriters+1)
	readers := make([]*sseReader, len(tokens))
	client := &nethttp.Client{Transport: &nethttp.Transport{MaxConnsPerHost: 0, DisableCompression: true}}
	defer client.CloseIdleConnections()
	var group, opening sync.WaitGroup
	failures := make([]error, len(tokens))
	turns := make(chan struct{}, connections)
	for i, token := range tokens {
		readers[i] = &sseReader{base: base, acknowledged: acknowledged}
		opening.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var body io.ReadCloser
			body, failures[i] = openStream(ctx, client, p.server.base+"/api/v1/events"+query+"&after="+strconv.FormatInt(base, 10), token)
			if failures[i] == nil {
				group.Go(func() { defer body.Close(); readers[i].read(body) })
			}
		})
	}
	opening.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	received := func() (n int64) {
		for _, r := range readers {
			n += r.received.Load()
		}
		return n
	}
	before, ours := processTime(p.server.process.Pid), processTime(os.Getpid())
	start := time.Now()
	events, err := p.appendSteadily(ctx, length, own, base, acknowledged)
	if err != nil {
		return nil, err
	}
	result := &following{events: events}
	// What is under way still comes; what does not is missing.
	for last, still := received(), 0; still < 20; {
		pauseUntil(ctx, time.Now().Add(50*time.Millisecond))
		now := received()
		if still++; now != last {
			last, still, result.took = now, 0, time.Since(start)
		}
	}
	result.took = max(result.took, length)
	result.cpu = (processTime(p.server.process.Pid) - before).Seconds() / time.Since(start).Seconds()
	result.load = (processTime(os.Getpid()) - ours).Seconds() / time.Since(start).Seconds()
	cancel()
	group.Wait()
	for _, r := range readers {
		result.received += r.received.Load()
		for i, n := range r.delays {
			result.delays[i] += n
		}
	}
	return result, nil
}

// appendSteadily appends events at the rate, each to a booking of its own, and notes when each was acknowledged.
func (p *portal) appendSteadily(
	ctx context.Context, length time.Duration, own []*follower, base int64, acknowledged []atomic.Int64,
) (int64, error) {
	total := int(length.Seconds() * feedRate)
	failures := make([]error, feedWriters)
	var group sync.WaitGroup
	start := time.Now()
	for w := range feedWriters {
		group.Go(func() {
			for n := w; n < total; n += feedWriters {
				if !pauseUntil(ctx, start.Add(time.Duration(n)*time.Second/feedRate)) {
					return
				}
				f := own[n/feedWriters*feedWriters%(len(own)/feedWriters*feedWriters)+w]
				position, err := p.happen(ctx, f.booking, domain.Exactly(f.next-1), booking.Read{Number: n})
				if err != nil {
					failures[w] = err
					return
				}
				f.next++
				acknowledged[int64(position)-base-1].Store(time.Now().UnixNano()) //nolint:gosec // of this run
			}
		})
	}
	group.Wait()
	return int64(total), errors.Join(failures...)
}

func openStream(ctx context.Context, client *nethttp.Client, url string, token access.Secret) (io.ReadCloser, error) {
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	request.Header.Set("Accept", "text/event-stream")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != nethttp.StatusOK {
		problem, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		_ = response.Body.Close()
		return nil, fmt.Errorf("status %d: %s", response.StatusCode, problem)
	}
	return response.Body, nil
}

// sseReader takes the time of what it reads.
type sseReader struct {
	delays
	base         int64
	acknowledged []atomic.Int64
	received     atomic.Int64
}

// read reads until the stream ends, as it does with the measurement. An item counts from its first line on: the stream brings whole ones.
func (r *sseReader) read(body io.Reader) {
	buffer, held := make([]byte, 64<<10), 0
	for {
		n, err := body.Read(buffer[held:])
		now := time.Now().UnixNano()
		rest := buffer[:held+n]
		for {
			line, after, whole := bytes.Cut(rest, []byte{'\n'})
			if !whole {
				break
			}
			if id, ok := bytes.CutPrefix(line, []byte("id: ")); ok {
				r.note(id, now)
			}
			rest = after
		}
		if held = copy(buffer, rest); err != nil || held == len(buffer) {
			return
		}
	}
}

func (r *sseReader) note(id []byte, now int64) {
	position := int64(0)
	for _, digit := range id { // a million of them a second
		position = 10*position + int64(digit-'0')
	}
	at := int64(0)
	if i := position - r.base - 1; i >= 0 && i < int64(len(r.acknowledged)) {
		at = r.acknowledged[i].Load()
	}
	if at == 0 {
		at = now // it came before its acknowledgement
	}
	r.add(time.Duration(now - at))
	r.received.Add(1)
}
