package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"waybill/cmd/config"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
)

type seedCommand struct {
	Products int           `help:"Instead of the demo world: this many products, appended in bulk to an empty log."`
	Events   int           `help:"With --products: go on with revisions, decisions and pins up to this many events."`
	TTL      time.Duration `default:"720h" help:"How long the demo tokens are valid."`
}

// Run is called by kong.
func (c seedCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withApp(ctx, cfg, func(a *app) error {
		if c.Products > 0 {
			return a.seedBulk(ctx, out, c.Products, c.Events)
		}
		return a.seedDemo(ctx, out, c.TTL)
	})
}

// seedNamespace makes the demo world's ids the same every time, so that seeding twice changes nothing.
var seedNamespace = uuid.MustParse("6f1d7c0e-6a43-4b0e-9a55-6f8f0a3a5d11")

// seeder issues the demo world's commands one after the other and keeps the first error.
type seeder struct {
	*app
	ctx context.Context
	at  time.Time
	err error
}

// request is a command of the demo world: its id derives from label, its time moves on by some minutes each time.
func (s *seeder) request(actor domain.Actor, label string) commands.Request {
	s.at = s.at.Add(17 * time.Minute)
	id := uuid.NewSHA1(seedNamespace, []byte(label))
	return commands.Request{ID: id, CorrelationID: id, Fingerprint: label, Actor: actor, At: s.at}
}

func (s *seeder) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// seedDemo plays the demo world through the ordinary commands and prints a token for each of its people.
func (a *app) seedDemo(ctx context.Context, out io.Writer, ttl time.Duration) error {
	s := &seeder{app: a, ctx: ctx, at: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)}
	reviewer := s.staff("审核员 陈静", domain.RoleReviewer)
	auditor := s.staff("审计员 周明", domain.RoleAuditor)
	operator := s.staff("运营 吴海", domain.RoleOperator)
	buyer := s.enterprise(demoBuyer)
	var providers []domain.Actor
	for i, d := range demoProviders {
		p := s.enterprise(d.enterprise)
		providers = append(providers, p)
		s.provider(p, reviewer, d, i)
	}
	s.bookings(buyer, providers[0])
	applicant := s.enterprise(demoApplicant)
	if s.err != nil {
		return fmt.Errorf("seed: %w", s.err)
	}
	people := []struct {
		name  string
		actor domain.Actor
	}{
		{"ENTERPRISE", buyer},
		{"APPLICANT", applicant},
		{"PROVIDER", providers[0]},
		{"OTHER_PROVIDER", providers[1]},
		{"REVIEWER", reviewer},
		{"AUDITOR", auditor},
		{"OPERATOR", operator},
	}
	for _, p := range people {
		secret, err := a.issue(ctx, p.actor.ID, p.actor.Role, ttl, "demo")
		if err != nil {
			return fmt.Errorf("seed: token: %w", err)
		}
		if _, err := fmt.Fprintf(out, "export %s=%s\n", p.name, secret); err != nil {
			return err
		}
	}
	return nil
}

func (s *seeder) staff(name string, role domain.Role) domain.Actor {
	opened, err := s.commands.OpenAccount(s.ctx, s.request(domain.System, "open "+name), name)
	s.keep(err)
	_, err = s.commands.GrantRole(s.ctx, s.request(domain.System, "grant "+name), opened.ID, role)
	s.keep(err)
	return domain.Actor{ID: opened.ID, Role: role}
}

func (s *seeder) enterprise(e account.Enterprise) domain.Actor {
	opened, err := s.commands.OpenAccount(s.ctx, s.request(domain.System, "open "+e.USCC), e.Name)
	s.keep(err)
	_, err = s.commands.CertifyAccount(s.ctx, s.request(domain.System, "certify "+e.USCC), opened.ID, e, "operator")
	s.keep(err)
	return domain.Actor{ID: opened.ID, Role: domain.RoleEnterprise}
}

// provider applies, is approved, and submits its products; the reviewer approves most of them.
func (s *seeder) provider(actor, reviewer domain.Actor, d demoProvider, number int) {
	key := d.enterprise.USCC
	_, err := s.commands.ApplyAsProvider(s.ctx, s.request(actor, "apply "+key), provider.Profile{
		Type: "logistics", Name: d.enterprise.Name, USCC: d.enterprise.USCC, LegalRepresentative: d.enterprise.LegalRepresentative,
		Licence: demoImage("licence " + key), Logo: demoImage("logo " + key),
		Contact: d.contact, Address: d.address, Phone: d.phone, Introduction: d.introduction,
	})
	s.keep(err)
	_, err = s.commands.ApproveProvider(s.ctx, s.request(reviewer, "approve "+key), actor.ID, 1)
	s.keep(err)
	seller := domain.Actor{ID: actor.ID, Role: domain.RoleProvider}
	for i, p := range d.products {
		label := fmt.Sprintf("%s product %d", key, i)
		content := p.content(label)
		submitted, err := s.commands.SubmitProduct(s.ctx, s.request(seller, "submit "+label), content)
		s.keep(err)
		switch p.fate {
		case pending:
		case rejected:
			_, err = s.commands.RejectProduct(s.ctx, s.request(reviewer, "reject "+label), submitted.ID, 1, []domain.Reason{
				{Code: "misleading", Field: "/brief", Note: "“全网最快”属于绝对化用语，请修改后重新提交"},
			})
			s.keep(err)
		case approved, pinned:
			_, err = s.commands.ApproveProduct(s.ctx, s.request(reviewer, "approve "+label), submitted.ID, 1)
			s.keep(err)
		}
		if p.fate == pinned {
			_, err = s.commands.PinProduct(s.ctx, s.request(seller, "pin "+label), submitted.ID)
			s.keep(err)
		}
	}
}

// bookings has the buyer ask about the first provider's first two products; the first gets its reply.
func (s *seeder) bookings(buyer, seller domain.Actor) {
	for i, inquiry := range demoInquiries {
		label := fmt.Sprintf("%s product %d", demoProviders[0].enterprise.USCC, i)
		id := uuid.NewSHA1(uuid.NewSHA1(seedNamespace, []byte("submit "+label)), []byte("product"))
		requested, err := s.commands.RequestBooking(s.ctx, s.request(buyer, "book "+label), id, inquiry)
		s.keep(err)
		if i == 0 {
			_, err = s.commands.ReplyToBooking(s.ctx, s.request(domain.Actor{ID: seller.ID, Role: domain.RoleProvider}, "reply "+label), requested.ID,
				"您好，本周六有舱位，可安排上门提货。报价单请联系 0898-88650001 索取。")
			s.keep(err)
		}
	}
}

// demoImage stands for an image that has not been uploaded: a reference is all that the API takes.
func demoImage(label string) domain.ImageRef {
	return domain.ImageRef(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(label))))
}

type fate int

const (
	approved fate = iota
	pinned
	pending
	rejected
)

type demoProduct struct {
	name, brief   string
	tags          []string
	mode          product.Mode
	country, city string
	lat, lng      float64
	fate          fate
}

func (p demoProduct) content(label string) product.Content {
	return product.Content{
		Name: p.name, Brief: p.brief, Tags: p.tags, Mode: p.mode,
		Destination: product.Destination{Country: p.country, City: p.city, Latitude: p.lat, Longitude: p.lng, CRS: "WGS-84"},
		Cover:       demoImage("cover " + label),
		Details:     []domain.ImageRef{demoImage("detail 1 " + label), demoImage("detail 2 " + label)},
	}
}

type demoProvider struct {
	enterprise                            account.Enterprise
	contact, address, phone, introduction string
	products                              []demoProduct
}

var (
	demoBuyer     = account.Enterprise{Name: "海南椰岛跨境贸易有限公司", USCC: "91460200MA5TAG1H25", LegalRepresentative: "符文博"}
	demoApplicant = account.Enterprise{Name: "三亚崖州湾冷链物流有限公司", USCC: "91460200MA5TBJ3K4Y", LegalRepresentative: "邢小雨"}
)

var demoInquiries = []booking.Inquiry{
	{ContactName: "林晓", Phone: "13907610001", Message: "每周两柜生鲜到曼谷，请报含清关的门到门价格。", Goods: "热带水果", WeightVolume: "2×40HQ", Origin: "三亚", ExpectedDate: "2026-12-15"},
	{ContactName: "林晓", Phone: "13907610001", Message: "首批试运 300 公斤日用品，是否支持拼箱？", Goods: "日用百货", WeightVolume: "300kg / 2.1m³", Origin: "海口"},
}
