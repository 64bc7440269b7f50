// Package demo makes worlds to try Waybill on: a small one that is played through the commands, and very large ones that are
// written in bulk. Names and numbers are invented.
package demo

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/media/drawing"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/canned"
	"waybill/domain/commands"
	"waybill/domain/media"
	"waybill/domain/product"
	"waybill/domain/provider"
)

// namespace makes the demo world's ids the same every time, so that seeding twice changes nothing.
var namespace = uuid.MustParse("6f1d7c0e-6a43-4b0e-9a55-6f8f0a3a5d11")

// Upload uploads an image for an account, once for each request, and returns its digest.
type Upload func(account uuid.UUID, purpose media.Purpose, request uuid.UUID, content []byte) (digest string, err error)

// player issues the demo world's commands one after the other and keeps the first error.
type player struct {
	commands *commands.Service
	upload   Upload
	ctx      context.Context
	at       time.Time
	err      error
}

// request is a command of the demo world: its id derives from label, its time moves on by some minutes each time.
func (s *player) request(actor domain.Actor, label string) commands.Request {
	s.at = s.at.Add(17 * time.Minute)
	id := uuid.NewSHA1(namespace, []byte(label))
	return commands.Request{ID: id, CorrelationID: id, Fingerprint: label, Actor: actor, At: s.at}
}

func (s *player) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// People are those of the demo world, each in the role that a token is issued for.
type People struct {
	Buyer, Applicant, Reviewer, Colleague, Auditor, Operator domain.Actor
	// Providers are in the order of Catalogue; they act as enterprises that hold the provider's role.
	Providers []domain.Actor
}

// Play plays the demo world through the ordinary commands, with pictures that it draws and uploads. Its ids are the same every time,
// so that playing it twice changes nothing.
func Play(ctx context.Context, service *commands.Service, upload Upload) (People, error) {
	s := &player{commands: service, upload: upload, ctx: ctx, at: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)}
	p := People{
		Reviewer: s.staff(firstName, domain.RoleReviewer),
		Auditor:  s.staff("审计员 周明", domain.RoleAuditor),
		Operator: s.staff("运营 吴海", domain.RoleOperator),
		Buyer:    s.enterprise(buyer),
	}
	for i, d := range providers {
		seller := s.enterprise(d.enterprise)
		p.Providers = append(p.Providers, seller)
		s.provider(seller, p.Reviewer, d, i)
	}
	s.bookings(p.Buyer, p.Providers[0])
	p.Colleague = s.staff("审核员 林涛", domain.RoleReviewer)
	for _, code := range slices.Sorted(maps.Keys(texts)) {
		_, err := s.commands.SetReviewTexts(s.ctx, s.request(p.Operator, "texts "+code), canned.SetTexts{Code: code, Texts: texts[code]})
		s.keep(err)
	}
	p.Applicant = s.enterprise(applicant)
	return p, s.err
}

// firstName is who comes first in the demo world.
const firstName = "审核员 陈静"

// Began reports whether the log that an event is the first of began with the demo world.
func Began(first domain.RecordedEvent) bool {
	opened := uuid.NewSHA1(namespace, []byte("open "+firstName))
	id := uuid.NewSHA1(opened, []byte(account.Category))
	meta, err := first.DecodeMetadata()
	return err == nil && first.Stream == domain.Stream(account.Category, id) && first.Revision == 0 && meta.CausationID == opened
}

// Catalogue is what each of the providers offers.
func Catalogue() [][]product.Content {
	all := make([][]product.Content, len(providers))
	for i, p := range providers {
		for j, offered := range p.products {
			all[i] = append(all[i], offered.content(productLabel(i, j)))
		}
	}
	return all
}

// ProductID is the id that Play gives to a product of Catalogue.
func ProductID(provider, number int) uuid.UUID {
	return uuid.NewSHA1(uuid.NewSHA1(namespace, []byte("submit "+productLabel(provider, number))), []byte("product"))
}

func productLabel(provider, number int) string {
	return fmt.Sprintf("%s product %d", providers[provider].enterprise.USCC, number)
}

func (s *player) staff(name string, role domain.Role) domain.Actor {
	opened, err := s.commands.OpenAccount(s.ctx, s.request(domain.System, "open "+name), name)
	s.keep(err)
	_, err = s.commands.GrantRole(s.ctx, s.request(domain.System, "grant "+name), opened.ID, role)
	s.keep(err)
	return domain.Actor{ID: opened.ID, Role: role}
}

func (s *player) enterprise(e account.Enterprise) domain.Actor {
	opened, err := s.commands.OpenAccount(s.ctx, s.request(domain.System, "open "+e.USCC), e.Name)
	s.keep(err)
	_, err = s.commands.CertifyAccount(s.ctx, s.request(domain.System, "certify "+e.USCC), opened.ID, e, "operator")
	s.keep(err)
	return domain.Actor{ID: opened.ID, Role: domain.RoleEnterprise}
}

// provider applies, is approved, and submits its products; the reviewer approves most of them.
func (s *player) provider(actor, reviewer domain.Actor, d supplier, number int) {
	key := d.enterprise.USCC
	_, err := s.commands.ApplyAsProvider(s.ctx, s.request(actor, "apply "+key), provider.Profile{
		Type: "logistics", Name: d.enterprise.Name, USCC: d.enterprise.USCC, LegalRepresentative: d.enterprise.LegalRepresentative,
		Licence: s.picture(actor.ID, media.Licence, key, number), Logo: s.picture(actor.ID, media.Logo, key, number),
		Contact: d.contact, Address: d.address, Phone: d.phone, Introduction: d.introduction,
	})
	s.keep(err)
	_, err = s.commands.ApproveProvider(s.ctx, s.request(reviewer, "approve "+key), actor.ID, commands.Decision{Revision: 1})
	s.keep(err)
	seller := domain.Actor{ID: actor.ID, Role: domain.RoleProvider}
	for i, p := range d.products {
		label := productLabel(number, i)
		content := p.content(label)
		view := (number*10+i)*4 + scenes[p.mode]
		content.Cover = s.picture(actor.ID, media.Cover, label, view)
		for j := range content.Details {
			content.Details[j] = s.picture(actor.ID, media.Detail, fmt.Sprintf("%s %d", label, j+1), view+(j+1)*400)
		}
		request := s.request(seller, "submit "+label)
		if p.fate == fresh {
			request.At = time.Now().UTC()
		}
		submitted, err := s.commands.SubmitProduct(s.ctx, request, content)
		s.keep(err)
		switch p.fate {
		case pending, fresh:
		case rejected:
			s.reject(reviewer, label, submitted.ID, "“全网最快”属于绝对化用语，请修改后重新提交")
		case resubmitted:
			s.reject(reviewer, label, submitted.ID, "“全网最低价”属于绝对化用语，请修改后重新提交")
			content.Brief = mended
			_, err = s.commands.ReviseProduct(s.ctx, s.request(seller, "revise "+label), submitted.ID, content)
			s.keep(err)
		case approved, pinned:
			_, err = s.commands.ApproveProduct(s.ctx, s.request(reviewer, "approve "+label), submitted.ID, commands.Decision{Revision: 1})
			s.keep(err)
		}
		if p.fate == pinned {
			_, err = s.commands.PinProduct(s.ctx, s.request(seller, "pin "+label), submitted.ID)
			s.keep(err)
		}
	}
}

func (s *player) reject(reviewer domain.Actor, label string, id uuid.UUID, note string) {
	_, err := s.commands.RejectProduct(s.ctx, s.request(reviewer, "reject "+label), id, commands.Decision{
		Revision: 1, Reasons: []domain.Reason{{Code: "misleading", Field: "/brief", Note: note}},
	})
	s.keep(err)
}

// bookings has the buyer ask about the first provider's first two products; the first gets its reply.
func (s *player) bookings(buyer, seller domain.Actor) {
	for i, inquiry := range inquiries {
		label := productLabel(0, i)
		id := ProductID(0, i)
		requested, err := s.commands.RequestBooking(s.ctx, s.request(buyer, "book "+label), id, inquiry)
		s.keep(err)
		if i == 0 {
			replier := domain.Actor{ID: seller.ID, Role: domain.RoleProvider}
			_, err = s.commands.ReplyToBooking(s.ctx, s.request(replier, "reply "+label), requested.ID,
				"您好，本周六有舱位，可安排上门提货。报价单请联系 0898-88650001 索取。")
			s.keep(err)
		}
	}
}

// scenes are the pictures of the modes, as drawing.Draw counts them.
var scenes = map[product.Mode]int{product.Sea: 0, product.Air: 1, product.Land: 2, product.Rail: 3}

// picture draws an image and uploads it.
func (s *player) picture(by uuid.UUID, purpose media.Purpose, label string, seed int) domain.ImageRef {
	id := uuid.NewSHA1(namespace, []byte("upload "+string(purpose)+" "+label))
	digest, err := s.upload(by, purpose, id, drawing.Draw(purpose, uint64(seed))) //nolint:gosec // it counts
	s.keep(err)
	return domain.ImageRef(digest)
}

// image stands for one in a large world, which nobody has uploaded.
func image(label string) domain.ImageRef {
	return domain.ImageRef(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(label))))
}

type fate int

const (
	approved fate = iota
	pinned
	pending
	rejected
	// resubmitted is rejected, and submitted again with another brief; nobody has looked at that.
	resubmitted
	// fresh is submitted when the world is played for the first time, and so not overdue; all that is pending otherwise is.
	fresh
)

// mended is the brief of what is submitted again.
const mended = "曼谷转陆运，七天到门，含两地清关。"

// texts are what reviewers pick for a reason, by its code.
var texts = map[string][]domain.Text{
	"misleading": {
		{ZH: "含有绝对化用语，请修改后重新提交", EN: "it has superlatives; take them out and submit it again"},
		{ZH: "时效或价格的承诺无法核实，请提供依据或删去", EN: "a promise of time or price cannot be verified; give grounds, or take it out"},
	},
	"inconsistent": {{ZH: "与营业执照所载不一致，请核对", EN: "it differs from the licence; please check"}},
}

type item struct {
	name, brief   string
	tags          []string
	mode          product.Mode
	country, city string
	lat, lng      float64
	fate          fate
}

func (p item) content(label string) product.Content {
	return product.Content{
		Name: p.name, Brief: p.brief, Tags: p.tags, Mode: p.mode,
		Destination: product.Destination{Country: p.country, City: p.city, Latitude: p.lat, Longitude: p.lng, CRS: "WGS-84"},
		Cover:       image("cover " + label),
		Details:     []domain.ImageRef{image("detail 1 " + label), image("detail 2 " + label)},
	}
}

type supplier struct {
	enterprise                            account.Enterprise
	contact, address, phone, introduction string
	products                              []item
}

var (
	buyer     = account.Enterprise{Name: "海南椰岛跨境贸易有限公司", USCC: "91460200MA5TAG1H25", LegalRepresentative: "符文博"}
	applicant = account.Enterprise{Name: "三亚崖州湾冷链物流有限公司", USCC: "91460200MA5TBJ3K4Y", LegalRepresentative: "邢小雨"}
)

var inquiries = []booking.Inquiry{
	{
		ContactName: "林晓", Phone: "13907610001", Message: "每周两柜生鲜到曼谷，请报含清关的门到门价格。",
		Goods: "热带水果", WeightVolume: "2×40HQ", Origin: "三亚", ExpectedDate: "2026-12-15",
	},
	{
		ContactName: "林晓", Phone: "13907610001", Message: "首批试运 300 公斤日用品，是否支持拼箱？",
		Goods: "日用百货", WeightVolume: "300kg / 2.1m³", Origin: "海口",
	},
}
