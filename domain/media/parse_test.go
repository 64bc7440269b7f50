package media_test

import (
	"reflect"
	"testing"

	"waybill/domain/media"
)

func TestParsePolicies(t *testing.T) {
	with := func(purpose media.Purpose, change func(*media.Policy)) media.Policies {
		all := media.Standard()
		p := all[purpose]
		change(&p)
		all[purpose] = p
		return all
	}
	for list, want := range map[string]media.Policies{
		"":                media.Standard(),
		" , ":             media.Standard(),
		"logo.pixels=box": with(media.Logo, func(p *media.Policy) { p.Width.Exact, p.Height.Exact = false, false }),
		"logo.pixels=any": with(media.Logo, func(p *media.Policy) { p.Width, p.Height = media.Pixels{}, media.Pixels{} }),
		"cover.bytes=1":   with(media.Cover, func(p *media.Policy) { p.MaxBytes = 1 }),
		"detail.bytes=16777216, detail.formats=png": with(media.Detail, func(p *media.Policy) {
			p.MaxBytes, p.Formats = 16<<20, []media.Format{media.PNG}
		}),
		// The licence may be made exact (Q1); a detail image's height stays free.
		"licence.pixels=exact": with(media.Licence, func(p *media.Policy) { p.Width.Exact, p.Height.Exact = true, true }),
		"detail.pixels=exact":  media.Standard(),
	} {
		if got, err := media.ParsePolicies(list); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", list, got, err)
		}
	}
	for _, wrong := range []string{
		"logo", "logo.pixels", "logo.pixels=", "logos.pixels=any", "logo.width=5", "logo.bytes=0", "logo.bytes=16777217", "logo.bytes=1MB",
		"logo.formats=", "logo.formats=gif", "logo.formats=png+png", "logo.pixels=Exact",
	} {
		if _, err := media.ParsePolicies(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}
