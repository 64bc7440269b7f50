package provider

import (
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/media"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// Logistics is the provider type 物流机构, so far the only one.
const Logistics = rules.Logistics

// Facts are what is known of an application when it is judged.
type Facts struct {
	// Certified is the account's enterprise; its zero value is refused.
	Certified account.Enterprise
	// Images are those of the profile's References that the account has uploaded, and Policies what is asked of them.
	Images   media.Facts
	Policies media.Policies
	// Due is when the result is promised (R18).
	Due workdays.Due
}

// References are the images that the profile refers to.
func (p *Profile) References() []media.Reference {
	form, _ := rules.Application(domain.CleanText(p.Type))
	var named []media.Reference
	for i := range form.Fields {
		if field := &form.Fields[i]; field.Purpose != "" {
			named = append(named, field.References(domain.ImageRef(*p.at(field.Pointer)))...)
		}
	}
	return named
}

// Clean cleans the profile in place and holds it to the rule book, which reports all its mistakes at once, each at its field. A name
// that equals the certified one may be longer (Q7); what differs from the certified values is a finding (Q8).
func (p *Profile) Clean(known Facts) (rules.Verdict, error) {
	sheet := rules.Sheet{Images: known.Images, Policies: known.Policies}
	p.Type = domain.CleanText(p.Type)
	form, offered := rules.Application(p.Type)
	for i := range form.Fields {
		field := &form.Fields[i]
		if field.Kind == rules.Select {
			sheet.Choice(field, offered)
			continue
		}
		value := p.at(field.Pointer)
		asserted, ok := assertedAt(known.Certified, field.Pointer)
		sheet.Value(field, value, asserted)
		if ok && *value != asserted {
			sheet.Soft(field, rules.Certified)
		}
	}
	if offered {
		p.checkStray(form, &sheet)
	}
	return sheet.Close()
}

// pointers are those of all fields that a form may have.
var pointers = []string{
	"/type", "/name", "/uscc", "/licence", "/legal_representative", "/contact", "/address", "/phone", "/logo", "/introduction",
}

// checkStray refuses what the form of the type does not ask for: nobody would check it, nor expect it.
func (p *Profile) checkStray(form *rules.Form, sheet *rules.Sheet) {
	for _, pointer := range pointers {
		if form.Has(pointer) {
			continue
		}
		value := p.at(pointer)
		if *value = domain.CleanText(*value); *value != "" {
			sheet.Stray(pointer)
		}
	}
}

// at is the value at a pointer of the form.
func (p *Profile) at(pointer string) *string {
	switch pointer {
	case "/type":
		return &p.Type
	case "/name":
		return &p.Name
	case "/uscc":
		return &p.USCC
	case "/licence":
		return (*string)(&p.Licence)
	case "/legal_representative":
		return &p.LegalRepresentative
	case "/contact":
		return &p.Contact
	case "/address":
		return &p.Address
	case "/phone":
		return &p.Phone
	case "/logo":
		return (*string)(&p.Logo)
	case "/introduction":
		return &p.Introduction
	}
	return new(string) // a test holds every form to the fields that there are
}

// assertedAt is what the authority asserts about a field, if it does.
func assertedAt(certified account.Enterprise, pointer string) (string, bool) {
	switch pointer {
	case "/name":
		return certified.Name, true
	case "/uscc":
		return certified.USCC, true
	case "/legal_representative":
		return certified.LegalRepresentative, true
	}
	return "", false
}

// mismatches points at the fields that differ from what the authority asserted (Q8).
func (p *Profile) mismatches(certified account.Enterprise) []string {
	var at []string
	for _, pointer := range []string{"/name", "/uscc", "/legal_representative"} {
		if asserted, _ := assertedAt(certified, pointer); *p.at(pointer) != asserted {
			at = append(at, pointer)
		}
	}
	return at
}
