// Package domaintest is the world that all tests share: who acts in it, an enterprise, its application, a product, an inquiry.
package domaintest

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/decision"
	"waybill/domain/media"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/uscc"
	"waybill/domain/workdays"
)

// Who acts: the owner of what is offered, somebody who asks for it, whoever judges it, and one who has nothing to do with it.
var (
	Owner    = ID("owner")
	Buyer    = ID("buyer")
	Reviewer = ID("reviewer")
	Stranger = ID("stranger")
)

// Enterprise is what Haiyiban would assert of the provider in most tests.
var Enterprise = account.Enterprise{
	Name: "三亚海丰国际物流有限公司", USCC: "91350100M000100Y43", LegalRepresentative: "符海生",
}

// OtherCode is a valid code, but not Enterprise's.
const OtherCode = "91460200MA5T00002W"

// Unfit is why a reviewer rejects, in most tests.
var Unfit = []domain.Reason{{Code: "inconsistent", Field: "/name"}}

// Code is a valid code for each n from 0 to 9,999,999.
func Code(n int) string { return checked(fmt.Sprintf("91460200MA%07d", n)) }

// FreshCode is a valid code that nobody has.
func FreshCode() string {
	const digits = "0123456789ABCDEF"
	id := uuid.New()
	body := "91460200"
	for _, b := range id[:9] {
		body += string(digits[b%16])
	}
	return checked(body)
}

func checked(body string) string { return body + string(uscc.CheckCharacter(body)) }

// ID is a UUID that stands for a name.
func ID(name string) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte(name)) }

// Image is an image reference of one hexadecimal digit, 64 times.
func Image(digit string) domain.ImageRef {
	return domain.ImageRef("sha256:" + strings.Repeat(digit, 64))
}

// Profile is Enterprise's application, without a mistake.
func Profile(introduction string) provider.Profile {
	return provider.Profile{
		Type: provider.Logistics, Name: Enterprise.Name, USCC: Enterprise.USCC, LegalRepresentative: Enterprise.LegalRepresentative,
		Licence: Image("1"), Logo: Image("2"), Contact: "陈琳", Address: "海南省三亚市吉阳区迎宾路1号", Phone: "0898-88270001",
		Introduction: introduction,
	}
}

// Content is a product's content, without a mistake.
func Content(name string) product.Content {
	return product.Content{
		Name: name, Brief: "每周两班，含清关", Tags: []string{"海运", "清关"}, Mode: product.Sea,
		Destination: product.Destination{Country: "新加坡", City: "新加坡", Latitude: 1.29, Longitude: 103.85, CRS: "WGS-84"},
		Cover:       Image("a"), Details: []domain.ImageRef{Image("b"), Image("c")},
	}
}

// Sources are those of a service in which every image that is named was uploaded and fits, and every city is known.
func Sources() commands.Sources {
	return commands.Sources{Images: media.Believing{Policies: media.Standard()}, Policies: media.Standard(), Places: everywhere{}}
}

// everywhere is a gazetteer that has every city, with the point in its centre.
type everywhere struct{}

func (everywhere) Find(string, string, place.Point) place.Fact { return Place }

// Place is what the gazetteer says of every city, in most tests.
var Place = place.Fact{ID: 1880252}

// Older are facts as they were recorded before there was a rule book, before a submission said where its destination is and when its result
// is due, and before a decision said what was seen.
func Older(facts ...domain.Event) []domain.Event {
	older := make([]domain.Event, len(facts))
	for i, fact := range facts {
		switch e := fact.(type) {
		case product.Submitted:
			e.Verdict, e.Place, e.Point, e.Due = rules.Verdict{}, 0, place.Point{}, workdays.Due{}
			fact = e
		case product.Revised:
			e.Verdict, e.Place, e.Point, e.Due = rules.Verdict{}, 0, place.Point{}, workdays.Due{}
			fact = e
		case provider.Applied:
			e.Verdict, e.Due = rules.Verdict{}, workdays.Due{}
			fact = e
		case provider.Revised:
			e.Verdict, e.Due = rules.Verdict{}, workdays.Due{}
			fact = e
		case product.Approved:
			e.Record = decision.Record{}
			fact = e
		case product.Rejected:
			e.Record = decision.Record{}
			fact = e
		}
		older[i] = fact
	}
	return older
}

// FactsOfProfile are those of Enterprise's application, with every image uploaded and fitting.
func FactsOfProfile(p provider.Profile) provider.Facts {
	return provider.Facts{Certified: Enterprise, Images: uploaded(p.References()), Policies: media.Standard()}
}

// FactsOfContent are those of a product, with every image uploaded and fitting.
func FactsOfContent(c product.Content) product.Facts {
	return product.Facts{Images: uploaded(c.References()), Policies: media.Standard(), Place: Place}
}

func uploaded(references []media.Reference) media.Facts {
	facts := media.Facts{}
	for _, r := range references {
		facts[r] = media.Standard()[r.Purpose].Fitting(r.Digest)
	}
	return facts
}

// Ruling is Reviewer's on a revision of Owner's, with the reasons of a rejection.
func Ruling(revision domain.ContentRevision, reasons ...domain.Reason) decision.Ruling {
	return RulingBy(Reviewer, revision, reasons...)
}

// RulingBy is Ruling by somebody else.
func RulingBy(reviewer uuid.UUID, revision domain.ContentRevision, reasons ...domain.Reason) decision.Ruling {
	return decision.Ruling{
		Reviewer: domain.Party{ID: reviewer}, Submitter: domain.Party{ID: Owner}, Revision: revision, Reasons: reasons,
	}
}

// Inquiry is an enterprise's, without a mistake.
func Inquiry(message string) booking.Inquiry {
	return booking.Inquiry{ContactName: "王敏", Phone: "13800138000", Message: message}
}

// Requested is Buyer's inquiry about a product of Owner's.
func Requested(product uuid.UUID) booking.Requested {
	return booking.Requested{
		ProductID: product, ProductRevision: 1, ProductName: "三亚—新加坡海运专线", ProviderID: Owner,
		EnterpriseID: Buyer, EnterpriseName: "海南椰风贸易有限公司", Inquiry: Inquiry("每月约两柜，请报价。"),
	}
}
