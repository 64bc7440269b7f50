package provider_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
	"waybill/domain/provider"
	"waybill/domain/rules"
)

func TestProfileLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("字", n) }
	for name, test := range map[string]struct {
		change func(*provider.Profile)
		want   string
	}{
		"as it is":             {func(*provider.Profile) {}, ""},
		"no type":              {func(p *provider.Profile) { p.Type = "" }, "/type unknown_type"},
		"another type":         {func(p *provider.Profile) { p.Type = "customs" }, "/type unknown_type"},
		"name at limit":        {func(p *provider.Profile) { p.Name = long(20) }, ""},
		"name over":            {func(p *provider.Profile) { p.Name = long(21) }, "/name too_long"},
		"code in lower case":   {func(p *provider.Profile) { p.USCC = " 91350100m000100y43 " }, ""},
		"code missing":         {func(p *provider.Profile) { p.USCC = "" }, "/uscc required"},
		"code of 20":           {func(p *provider.Profile) { p.USCC += "00" }, "/uscc bad_uscc"},
		"no licence":           {func(p *provider.Profile) { p.Licence = "" }, "/licence required"},
		"logo is no digest":    {func(p *provider.Profile) { p.Logo = "logo.png" }, "/logo bad_image_reference"},
		"representative over":  {func(p *provider.Profile) { p.LegalRepresentative = long(21) }, "/legal_representative too_long"},
		"contact over":         {func(p *provider.Profile) { p.Contact = long(21) }, "/contact too_long"},
		"address of two lines": {func(p *provider.Profile) { p.Address = "a\nb" }, "/address line_break"},
		"address at limit":     {func(p *provider.Profile) { p.Address = long(30) }, ""},
		"address over":         {func(p *provider.Profile) { p.Address = long(31) }, "/address too_long"},
		"phone over":           {func(p *provider.Profile) { p.Phone = strings.Repeat("1", 21) }, "/phone too_long"},
		"phone is text":        {func(p *provider.Profile) { p.Phone = "见名片" }, "/phone bad_phone"},
		"introduction at 300":  {func(p *provider.Profile) { p.Introduction = long(149) + "\r\n" + long(150) }, ""},
		"introduction over":    {func(p *provider.Profile) { p.Introduction = long(301) }, "/introduction too_long"},
		"introduction control": {func(p *provider.Profile) { p.Introduction = "a\x07" }, "/introduction control_characters"},
		"all at once": {
			func(p *provider.Profile) { *p = provider.Profile{} },
			"/type unknown_type, /name required, /uscc required, /licence required, /legal_representative required, " +
				"/contact required, /address required, /phone required, /logo required, /introduction required",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := profile()
			test.change(&p)
			if got := mistakes(p, known(p)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// mistakes are those of a profile, of which some facts are known.
func mistakes(p provider.Profile, facts provider.Facts) string {
	_, err := p.Clean(facts)
	return decidertest.Mistakes(err)
}

func TestCertifiedNameMayBeLonger(t *testing.T) {
	name := strings.Repeat("长", 50)
	p := profile()
	p.Name = name
	facts := known(p)
	facts.Certified = account.Enterprise{Name: name}
	if got := mistakes(p, facts); got != "" {
		t.Errorf("the certified name: %s", got)
	}
	facts.Certified.Name += "司"
	if got := mistakes(p, facts); got != "/name too_long" {
		t.Errorf("another name: %s", got)
	}
}

func TestMistakesAreWordedAsTheFormDoes(t *testing.T) {
	var p provider.Profile
	var refusal *domain.Error
	if _, err := p.Clean(known(p)); !errors.As(err, &refusal) {
		t.Fatal("no refusal")
	}
	said := map[string]string{}
	for _, f := range refusal.Fields {
		said[f.Pointer] = f.Text.ZH
	}
	for pointer, want := range map[string]string{
		"/type": "请选择服务商类型", "/name": "请输入企业名称", "/licence": "请上传营业执照", "/introduction": "请输入公司介绍", "/uscc": "请输入统一社会信用代码",
	} {
		if said[pointer] != want {
			t.Errorf("%s says %q, want %q", pointer, said[pointer], want)
		}
	}
}

// A form that names a field which Profile does not have could never be filled in.
func TestFormsNameTheFieldsOfTheProfile(t *testing.T) {
	data, err := json.Marshal(provider.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	for _, form := range append(rules.Applications, rules.Unselected) {
		if form.Type == rules.Logistics && len(form.Fields) != len(fields) {
			t.Errorf("%s has %d fields, the profile %d", form.Type, len(form.Fields), len(fields))
		}
		for _, field := range form.Fields {
			if _, ok := fields[strings.TrimPrefix(field.Pointer, "/")]; !ok {
				t.Errorf("%s names %q", form.Type, field.Pointer)
			}
		}
	}
}

// TestAnotherTypeIsAnotherForm: a type that asks for less is data alone; what its form does not have is refused.
func TestAnotherTypeIsAnotherForm(t *testing.T) {
	forms := rules.Applications
	t.Cleanup(func() { rules.Applications = forms })
	other := rules.Unselected
	other.Type = "customs"
	rules.Applications = append(slices.Clone(forms), other)
	p := profile()
	p.Type, p.Licence, p.Logo, p.Introduction = other.Type, "", "", " \u200b"
	if got := mistakes(p, known(p)); got != "" {
		t.Errorf("with what its form asks for: %s", got)
	}
	if events, err := provider.Decide(provider.State{}, apply(p)); err != nil || events[0].(provider.Applied).Profile.Introduction != "" {
		t.Errorf("got %v, %v", events, err)
	}
	p.Logo, p.Introduction, p.Contact = domaintest.Image("1"), "国际物流", ""
	if got, want := mistakes(p, known(p)), "/contact required, /logo unknown_field, /introduction unknown_field"; got != want {
		t.Errorf("with more: %s, want %s", got, want)
	}
}
