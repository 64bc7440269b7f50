package provider

import (
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/uscc"
)

// FieldKind says how a field of a form is filled in and checked.
type FieldKind string

// The kinds.
const (
	KindSelect    FieldKind = "select"
	KindText      FieldKind = "text"
	KindMultiline FieldKind = "multiline"
	KindUSCC      FieldKind = "uscc"
	KindPhone     FieldKind = "phone"
	KindImage     FieldKind = "image"
)

// Field is one field of a form. All are required (R15).
type Field struct {
	// Name is the field's JSON name in Profile.
	Name  string      `json:"name"`
	Label domain.Text `json:"label"`
	Kind  FieldKind   `json:"kind"`
	// Max is the most code points, after trimming; 0 for what is not typed.
	Max int `json:"max,omitempty"`
}

// Form is what one type of provider fills in (R14, Q26).
type Form struct {
	// Type is the value of Profile.Type.
	Type   string      `json:"type"`
	Label  domain.Text `json:"label"`
	Fields []Field     `json:"fields"`
}

// Logistics is the provider type 物流机构, so far the only one.
const Logistics = "logistics"

// Forms are all types of provider, in the order in which they are offered.
var Forms = []Form{{
	Type:  Logistics,
	Label: domain.Text{ZH: "物流机构", EN: "logistics provider"},
	Fields: []Field{
		{"type", domain.Text{ZH: "服务商类型", EN: "provider type"}, KindSelect, 0},
		{"name", domain.Text{ZH: "企业名称", EN: "enterprise name"}, KindText, 20},
		{"uscc", domain.Text{ZH: "统一社会信用代码", EN: "unified social credit code"}, KindUSCC, uscc.Length},
		{"licence", domain.Text{ZH: "营业执照", EN: "business licence"}, KindImage, 0},
		{"legal_representative", domain.Text{ZH: "法定代表人", EN: "legal representative"}, KindText, 20},
		{"contact", domain.Text{ZH: "联系人", EN: "contact"}, KindText, 20},
		{"address", domain.Text{ZH: "详细地址", EN: "detailed address"}, KindText, 30},
		{"phone", domain.Text{ZH: "联系电话", EN: "contact phone"}, KindPhone, domain.MaxPhone},
		{"logo", domain.Text{ZH: "logo", EN: "logo"}, KindImage, 0},
		{"introduction", domain.Text{ZH: "公司介绍", EN: "company introduction"}, KindMultiline, 300},
	},
}}

// formOf is the form of a type; of an unknown one the first form, so that the other fields are checked all the same.
func formOf(providerType string) (Form, bool) {
	for _, form := range Forms {
		if form.Type == providerType {
			return form, true
		}
	}
	return Forms[0], false
}

// Clean cleans the profile in place and reports all its mistakes at once, each at its field. A name that equals the
// certified one may be as long as that (Q7).
func (p *Profile) Clean(certified account.Enterprise) error {
	var f domain.Fields
	p.Type = domain.CleanText(p.Type)
	form, known := formOf(p.Type)
	asserted := map[string]string{"name": certified.Name, "legal_representative": certified.LegalRepresentative}
	texts := map[string]*string{
		"name": &p.Name, "legal_representative": &p.LegalRepresentative, "contact": &p.Contact, "address": &p.Address,
		"introduction": &p.Introduction,
	}
	images := map[string]domain.ImageRef{"licence": p.Licence, "logo": p.Logo}
	for _, field := range form.Fields {
		at := "/" + field.Name
		switch field.Kind {
		case KindSelect:
			if !known {
				f.Add(at, "unknown_type", "请选择"+field.Label.ZH, field.Label.EN+" must be one of those offered")
			}
		case KindUSCC:
			uscc.Clean(&f, at, &p.USCC)
		case KindPhone:
			f.Phone(at, &p.Phone, field.Label)
		case KindImage:
			f.Image(at, images[field.Name], field.Label)
		case KindText, KindMultiline:
			limit, value := field.Max, texts[field.Name]
			if a := asserted[field.Name]; a != "" && domain.CleanText(*value) == a {
				limit = account.MaxAsserted
			}
			if field.Kind == KindText {
				f.Line(at, value, limit, field.Label)
			} else {
				f.Required(at, value, limit, field.Label)
			}
		}
	}
	return f.Err()
}

// mismatches points at the fields that differ from what the authority asserted (Q8).
func (p Profile) mismatches(certified account.Enterprise) []string {
	var at []string
	if p.Name != certified.Name {
		at = append(at, "/name")
	}
	if p.USCC != certified.USCC {
		at = append(at, "/uscc")
	}
	if p.LegalRepresentative != certified.LegalRepresentative {
		at = append(at, "/legal_representative")
	}
	return at
}
