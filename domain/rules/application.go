package rules

import (
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/media"
	"waybill/domain/uscc"
)

// ApplicationForm names the forms of the provider types.
const ApplicationForm = "provider-application"

// Logistics is the provider type 物流机构, so far the only one.
const Logistics = "logistics"

// Limits of an application's texts, in code points (R15, Q6, Q7).
const (
	maxName         = 20
	maxAddress      = 30
	maxIntroduction = 300
	usccBox         = 20
)

// typePointer is where an application names its type.
const typePointer = "/type"

var applicationLabel = domain.Text{ZH: "完善服务商信息", EN: "application to become a provider"}

// The fields that applications are made of.
var (
	providerType = choice(typePointer, "unknown_type", domain.Text{ZH: "服务商类型", EN: "provider type"}, nil,
		"请选择服务商类型", "provider type must be one of those offered")
	enterpriseName = asserted(line("/name", maxName, domain.Text{ZH: "企业名称", EN: "enterprise name"}), account.MaxAsserted)
	creditCode     = codeField()
	licence        = picture("/licence", media.Licence, domain.Text{ZH: "营业执照", EN: "business licence"})
	representative = asserted(
		line("/legal_representative", maxName, domain.Text{ZH: "法定代表人", EN: "legal representative"}), account.MaxAsserted)
	contact      = line("/contact", maxName, domain.Text{ZH: "联系人", EN: "contact"})
	address      = line("/address", maxAddress, domain.Text{ZH: "详细地址", EN: "detailed address"})
	contactPhone = phoneField()
	logo         = picture("/logo", media.Logo, domain.Text{ZH: "logo", EN: "logo"})
	introduction = area("/introduction", maxIntroduction, domain.Text{ZH: "公司介绍", EN: "company introduction"})
)

// Unselected is the form before a type is chosen: 7 fields, which the manual does not name (docs/decisions/0035). What is submitted
// without a type is judged as the first of Applications.
var Unselected = Form{
	Name: ApplicationForm, Label: applicationLabel,
	Fields: []Field{providerType, enterpriseName, creditCode, representative, contact, address, contactPhone},
}

// Applications are the forms of all types of provider, in the order in which they are offered (R14, Q26). Another type is another form.
var Applications = []Form{{
	Name: ApplicationForm, Type: Logistics, Label: domain.Text{ZH: "物流机构", EN: "logistics provider"},
	Fields: []Field{
		providerType, enterpriseName, creditCode, licence, representative, contact, address, contactPhone, logo, introduction,
	},
}}

// Application is the form of a provider type; of an unknown one the first, so that the other fields are checked all the same.
func Application(providerType string) (form *Form, known bool) {
	for i := range Applications {
		if Applications[i].Type == providerType {
			return &Applications[i], true
		}
	}
	return &Applications[0], false
}

// ProviderTypes are the options of an application's type.
func ProviderTypes() []Option {
	options := make([]Option, len(Applications))
	for i, form := range Applications {
		options[i] = Option{Value: form.Type, Label: form.Label}
	}
	return options
}

// codeField is the unified social credit code: the box takes 20 characters, a code has 18 (Q6).
func codeField() Field {
	const at = "/uscc"
	label := domain.Text{ZH: "统一社会信用代码", EN: "unified social credit code"}
	f := Field{Pointer: at, Label: label, Kind: Text, Counter: usccBox, Upper: true, Rules: []Rule{
		typed(at, label),
		check(Length, "bad_uscc", at, uscc.Length, uscc.TextLength.ZH, uscc.TextLength.EN),
		check(USCCCharacters, "bad_uscc", at, 0, uscc.TextCharacters.ZH, uscc.TextCharacters.EN),
		check(USCCCheck, "bad_uscc", at, 0, uscc.TextCheck.ZH, uscc.TextCheck.EN),
	}}
	return asserted(f, 0)
}

func phoneField() Field {
	f := line("/phone", domain.MaxPhone, domain.Text{ZH: "联系电话", EN: "contact phone"})
	f.Kind = PhoneNumber
	f.Rules = append(f.Rules, check(Phone, "bad_phone", f.Pointer, 0,
		"请输入正确的手机号码、固定电话或400电话", f.Label.EN+" must be a mobile, landline or 400 number"))
	return f
}
