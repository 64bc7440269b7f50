package provider_test

import (
	"strings"
	"testing"

	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
	"waybill/domain/media"
	"waybill/domain/provider"
	"waybill/domain/rules"
)

// TestFindingsGoToTheReviewer: what is soft refuses nothing, and is in the event and in the state (Q1, Q8).
func TestFindingsGoToTheReviewer(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*provider.Profile, *provider.Facts)
		want   string
	}{
		"as it should be": {func(*provider.Profile, *provider.Facts) {}, ""},
		"another name":    {func(p *provider.Profile, _ *provider.Facts) { p.Name = "三亚海丰物流" }, "/name differs_from_certified"},
		"another code":    {func(p *provider.Profile, _ *provider.Facts) { p.USCC = domaintest.OtherCode }, "/uscc differs_from_certified"},
		"another representative": {
			func(p *provider.Profile, _ *provider.Facts) { p.LegalRepresentative = "符海" }, "/legal_representative differs_from_certified",
		},
		"the same in other characters": {func(p *provider.Profile, _ *provider.Facts) { p.USCC = strings.ToLower(p.USCC) + " " }, ""},
		"a small licence": {func(p *provider.Profile, f *provider.Facts) {
			small(f, media.Licence, string(p.Licence))
		}, "/licence image_small"},
		"a small logo is none": {func(p *provider.Profile, f *provider.Facts) {
			small(f, media.Logo, string(p.Logo))
		}, "/logo image_width, /logo image_height"},
		"all at once": {func(p *provider.Profile, f *provider.Facts) {
			p.Name, p.LegalRepresentative = "三亚海丰物流", "符海"
			small(f, media.Licence, string(p.Licence))
		}, "/name differs_from_certified, /licence image_small, /legal_representative differs_from_certified"},
	} {
		p := profile()
		facts := known(p)
		test.change(&p, &facts)
		events, err := provider.Decide(provider.State{}, provider.Apply{Profile: p, Facts: facts})
		if err != nil {
			if got := decidertest.Mistakes(err); got != test.want {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		s := decidertest.Fold(provider.Decider, events)
		if got := found(s.Findings); got != test.want {
			t.Errorf("%s: found %q, want %q", name, got, test.want)
		}
		if s.Rules != rules.Version || len(s.Images) != 2 {
			t.Errorf("%s: %+v", name, s.Verdict)
		}
		// What is found of a later revision replaces what was.
		again, err := provider.Decide(s, provider.Revise{Profile: profile(), Facts: known(profile())})
		if err != nil {
			t.Fatal(err)
		}
		if s = provider.Evolve(s, again[0]); len(s.Findings) != 0 {
			t.Errorf("%s: the revision has %v", name, s.Findings)
		}
	}
}

// small makes an uploaded image one pixel by one.
func small(f *provider.Facts, purpose media.Purpose, digest string) {
	at := media.Reference{Purpose: purpose, Digest: digest}
	image := f.Images[at]
	image.Width, image.Height = 1, 1
	f.Images[at] = image
}

func found(findings []rules.Finding) string {
	all := make([]string, len(findings))
	for i, f := range findings {
		all[i] = f.Field + " " + f.Code
	}
	return strings.Join(all, ", ")
}
