package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	nethttp "net/http"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/media/drawing"
	"waybill/adapters/postgres"
	"waybill/cmd/demo"
	"waybill/domain"
	"waybill/domain/access"
	"waybill/domain/commands"
	"waybill/domain/media"
)

// portal is the demo world with a server on it, for the sections that go through HTTP.
type portal struct {
	*database
	commands *commands.Service
	tokens   *postgres.Tokens
	server   *child
	client   *nethttp.Client
	sellers  []seller
	review   seller // the reviewer
	event    domain.NewEvent
	body     []byte
}

type seller struct {
	actor domain.Actor
	token access.Secret
}

// believing are sources for which every image is there: no measurement looks at one.
func believing() commands.Sources {
	return commands.Sources{Images: media.Believing{Policies: media.Standard()}, Policies: media.Standard()}
}

// portalWorld makes the portal on first use.
func (b *bench) portalWorld(ctx context.Context) (*portal, error) {
	if b.portal != nil {
		return b.portal, nil
	}
	d, err := b.database(ctx, "bench_portal")
	if err != nil {
		return nil, err
	}
	p := &portal{
		database: d, commands: commands.New(d.store, believing()), tokens: postgres.NewTokens(d.pool), client: newClient(2 * connections),
	}
	if err := p.populate(ctx); err != nil {
		return nil, err
	}
	if p.event, err = typicalEvent(); err != nil {
		return nil, err
	}
	if p.server, err = b.spawn(ctx, d.url, waybillProgram, "serve"); err != nil {
		return nil, err
	}
	if err := d.caughtUp(ctx, time.Minute); err != nil {
		return nil, err
	}
	if err := p.illustrate(ctx); err != nil {
		return nil, err
	}
	b.portal = p
	return p, nil
}

// illustrate uploads a cover and a detail image for every seller, and writes the product that refers to them.
func (p *portal) illustrate(ctx context.Context) error {
	content := typicalContent()
	digest := func(purpose media.Purpose) (domain.ImageRef, error) {
		picture := drawing.Draw(purpose, 1)
		for _, s := range p.sellers {
			if err := p.upload(ctx, s, purpose, picture); err != nil {
				return "", err
			}
		}
		return domain.ImageRef(fmt.Sprintf("sha256:%x", sha256.Sum256(picture))), nil
	}
	var err error
	if content.Cover, err = digest(media.Cover); err != nil {
		return err
	}
	if content.Details[0], err = digest(media.Detail); err != nil {
		return err
	}
	p.body, err = json.Marshal(content)
	return err
}

func (p *portal) upload(ctx context.Context, s seller, purpose media.Purpose, picture []byte) error {
	address := p.server.base + "/api/v1/images?purpose=" + string(purpose)
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, address, bytes.NewReader(picture))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+string(s.token))
	request.Header.Set("Content-Type", "application/octet-stream")
	_, err = fetch(p.client, request, nethttp.StatusCreated, nil)
	return err
}

// populate plays the demo world and issues a token to each provider and to the reviewer.
func (p *portal) populate(ctx context.Context) error {
	// Nobody looks at these images.
	people, err := demo.Play(ctx, p.commands, func(_ uuid.UUID, _ media.Purpose, _ uuid.UUID, content []byte) (string, error) {
		return fmt.Sprintf("sha256:%x", sha256.Sum256(content)), nil
	})
	if err != nil {
		return err
	}
	if p.review, err = p.admit(ctx, people.Reviewer); err != nil {
		return err
	}
	for _, provider := range people.Providers {
		s, err := p.admit(ctx, provider)
		if err != nil {
			return err
		}
		p.sellers = append(p.sellers, s)
	}
	return nil
}

func (p *portal) admit(ctx context.Context, actor domain.Actor) (seller, error) {
	token, err := p.tokens.Issue(ctx, actor.ID, []domain.Role{actor.Role}, "bench", time.Now().Add(time.Hour))
	return seller{actor: actor, token: token}, err
}

// call sends a write as a seller and returns the response's header.
func (p *portal) call(ctx context.Context, s seller, method, path string, body []byte, want int) (nethttp.Header, error) {
	request, err := nethttp.NewRequestWithContext(ctx, method, p.server.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+string(s.token))
	request.Header.Set("Idempotency-Key", uuid.NewString())
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return fetch(p.client, request, want, nil)
}

// submit has a worker submit a product through HTTP.
func (p *portal) submit(ctx context.Context, worker int) error {
	_, err := p.call(ctx, p.sellers[worker%len(p.sellers)], nethttp.MethodPost, "/api/v1/provider/products", p.body, nethttp.StatusCreated)
	return err
}

// submissions measures product submissions through HTTP, and what each part of them costs by itself.
func (b *bench) submissions(ctx context.Context) error {
	p, err := b.portalWorld(ctx)
	if err != nil {
		return err
	}
	var through runs
	for range b.size.rounds {
		through = append(through, drive(ctx, connections, b.size.run, p.submit))
	}
	all := through.together()
	b.report.works("product submissions", all)
	if err := p.caughtUp(ctx, time.Minute); err != nil {
		return err
	}
	b.report.line("### HTTP: product submissions of %d bytes, %d connections\n\n%s requests/s, p50 %s, p99 %s, p99.9 %s. "+
		"Five read models and the history follow meanwhile.", len(p.body), connections, grouped(through.perSecond()),
		millis(all.percentile(50)), millis(all.percentile(99)), millis(all.percentile(99.9)))
	b.resident("submissions", p.server)
	return b.parts(ctx, p, through.perSecond())
}

// parts says where the time goes: every part alone, driven by as many callers, as microseconds of the machine per request.
func (b *bench) parts(ctx context.Context, p *portal, requests float64) error {
	b.progress("http: each part alone")
	share := func(rate float64) float64 { return 1e6 / rate }
	measure := func(what string, f func(ctx context.Context, worker int) error) float64 {
		s := drive(ctx, connections, b.size.run/2, f)
		b.report.works(what, s)
		return share(s.perSecond())
	}
	hull := measure("GET /livez", func(ctx context.Context, _ int) error { return get(ctx, p.client, p.server.base+"/livez") })
	token := measure("token", func(ctx context.Context, w int) error {
		_, err := p.tokens.Authenticate(ctx, p.sellers[w%len(p.sellers)].token, time.Now())
		return err
	})
	reading := measure("provider", func(ctx context.Context, w int) error {
		_, err := p.commands.Provider(ctx, p.sellers[w%len(p.sellers)].actor.ID)
		return err
	})
	appended := appendAlone(ctx, p.store, connections, b.size.run/2, p.event)
	b.report.works("append", appended)
	total, known := share(requests), hull+token+reading+share(appended.perSecond())
	row := func(name string, us float64) []string {
		return []string{name, fmt.Sprintf("%.0f µs", us), fmt.Sprintf("%.0f %%", 100*us/total)}
	}
	title := "HTTP: where the time of a submission goes (each part alone at the same concurrency; time of the whole machine)"
	b.report.table(title, [][]string{
		{"part", "per request", "share"},
		row("HTTP itself, load generator included (GET /livez)", hull),
		row("token look-up", token),
		row("reading the provider's stream", reading),
		row("appending the event", share(appended.perSecond())),
		row("the rest: checking and deciding, JSON, projectors beside it", max(0, total-known)),
		row("a submission", total),
	})
	return ctx.Err()
}
