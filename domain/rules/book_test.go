package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/rules"
)

// TestBookOfAVersionStaysTheSame: a stored event names the version that judged it. The file of a version is added and never edited.
func TestBookOfAVersionStaysTheSame(t *testing.T) {
	now, err := json.MarshalIndent(rules.Current(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	now = append(now, '\n')
	name := func(version int) string { return filepath.Join("testdata", fmt.Sprintf("book.v%d.json", version)) }
	golden, err := os.ReadFile(name(rules.Version))
	switch {
	case os.IsNotExist(err):
		if err := os.WriteFile(name(rules.Version), now, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Fatalf("version %d is new: its book is now in %s, to be committed", rules.Version, name(rules.Version))
	case err != nil:
		t.Fatal(err)
	case !bytes.Equal(golden, now):
		t.Fatalf("the book is no longer that of version %d: count up rules.Version, and leave %s as it is", rules.Version, name(rules.Version))
	}
	for version := 1; version < rules.Version; version++ {
		if _, err := os.Stat(name(version)); err != nil {
			t.Errorf("events name version %d: %v", version, err)
		}
	}
}

// forms are all of the book.
func forms() []rules.Form {
	return append([]rules.Form{rules.Unselected, rules.Product}, rules.Applications...)
}

func TestEveryRuleSaysWhatIsWrongAndWhere(t *testing.T) {
	for _, form := range forms() {
		for _, field := range form.Fields {
			if field.Label.ZH == "" || field.Label.EN == "" || field.Kind == "" {
				t.Errorf("%s%s is not described", form.Type, field.Pointer)
			}
			if (field.Purpose != "") != (field.Kind == rules.Image || field.Kind == rules.Images) {
				t.Errorf("%s is %s for %q", field.Pointer, field.Kind, field.Purpose)
			}
			for _, r := range field.All() {
				if r.Code == "" || r.Kind != rules.Check || r.Test == "" || r.Text.ZH == "" || r.Text.EN == "" {
					t.Errorf("%s: %+v", field.Pointer, r)
				}
				if r.Pointer != field.Pointer && r.Pointer != field.Each() {
					t.Errorf("a rule of %s points at %s", field.Pointer, r.Pointer)
				}
			}
		}
	}
	if len(rules.Reasons) != 10 {
		t.Errorf("%d reasons", len(rules.Reasons))
	}
	for _, r := range rules.Reasons {
		if r.Code == "" || r.Kind != rules.Reason || r.Text.ZH == "" || r.Text.EN == "" || rules.TextOfReason(r.Code) != r.Text {
			t.Errorf("%+v", r)
		}
	}
	if rules.TextOfReason(domain.ReasonProviderClosed).EN == "" {
		t.Error("Waybill's own reason has no text")
	}
}

// TestLengths tries every limit of a text at, below and above it, in every form.
func TestLengths(t *testing.T) {
	tried := 0
	for _, form := range forms() {
		for _, field := range form.Fields {
			for _, r := range field.All() {
				if r.Test != rules.MaxLength || field.Kind == rules.PhoneNumber {
					continue
				}
				tried++
				for length, want := range map[int]string{1: "", r.Limit - 1: "", r.Limit: "", r.Limit + 1: "too_long", 40 * r.Limit: "too_long"} {
					// Of four bytes each, which count as one; what is around them does not count.
					value := " \u200b" + strings.Repeat("𠮷", length) + "\n"
					var sheet rules.Sheet
					if field.Kind == rules.Tags {
						sheet.Tags(&field, []string{value})
					} else {
						sheet.Value(&field, &value, "")
					}
					_, err := sheet.Close()
					if got := codes(err); got != want {
						t.Errorf("%s%s with %d of %d: %q, want %q", form.Type, field.Pointer, length, r.Limit, got, want)
					}
				}
			}
		}
	}
	if tried < 14 {
		t.Errorf("only %d limits were tried", tried)
	}
}

// TestCertifiedValuesMayBeLonger: at, below and above (Q7).
func TestCertifiedValuesMayBeLonger(t *testing.T) {
	form, _ := rules.Application(rules.Logistics)
	for _, pointer := range []string{"/name", "/legal_representative"} {
		field := fieldOf(t, form, pointer)
		for length, want := range map[int]string{20: "", 21: "", 99: "", 100: "", 101: "too_long"} {
			value := strings.Repeat("长", length)
			var sheet rules.Sheet
			sheet.Value(field, &value, value)
			_, err := sheet.Close()
			if got := codes(err); got != want {
				t.Errorf("%s with %d: %q, want %q", pointer, length, got, want)
			}
		}
	}
}

func TestCounts(t *testing.T) {
	tags, details := fieldOf(t, &rules.Product, "/tags"), fieldOf(t, &rules.Product, "/details")
	for n, want := range map[int]string{0: "", 1: "", 49: "", 50: "", 51: "too_many", 500: "too_many"} {
		many := make([]string, n)
		for i := range many {
			many[i] = fmt.Sprint("标签", i)
		}
		var sheet rules.Sheet
		sheet.Tags(tags, many)
		_, err := sheet.Close()
		if got := codes(err); got != want {
			t.Errorf("%d tags: %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "required", 1: "", 9: "", 10: "", 11: "too_many", 15_000: "too_many"} {
		refs := make([]domain.ImageRef, n)
		for i := range refs {
			refs[i] = domain.ImageRef(fmt.Sprintf("sha256:%064x", i))
		}
		sheet := rules.Sheet{Images: uploaded(details.References(refs...)), Policies: media.Standard()}
		sheet.Gallery(details, refs)
		_, err := sheet.Close()
		if got := codes(err); got != want {
			t.Errorf("%d detail images: %q, want %q", n, got, want)
		}
	}
}

func TestDegrees(t *testing.T) {
	for pointer, limit := range map[string]float64{"/destination/latitude": 90, "/destination/longitude": 180} {
		field := fieldOf(t, &rules.Product, pointer)
		for _, c := range []struct {
			value float64
			want  string
		}{{limit, ""}, {-limit, ""}, {limit - 0.0001, ""}, {limit + 0.0001, "out_of_range"}, {-limit - 0.0001, "out_of_range"}} {
			var sheet rules.Sheet
			sheet.Degrees(field, c.value, false)
			_, err := sheet.Close()
			if got := codes(err); got != c.want {
				t.Errorf("%s = %v: %q, want %q", pointer, c.value, got, c.want)
			}
		}
	}
}

// TestImages: an image that nobody uploaded is unknown, and one that breaks its policy is refused by the policy's code, at the field of
// either kind.
func TestImages(t *testing.T) {
	const digest = "sha256:1f0c0bd5b1f9a1d5e3b5e7c7c0d0a5d9e3f1b2a4968778695a4b3c2d1e0f9a8b"
	fits := func(p media.Purpose) media.Image { return media.Standard()[p].Fitting(digest) }
	small := fits(media.Licence)
	small.Width--
	heavy := fits(media.Logo)
	heavy.Bytes = 100<<10 + 1
	wide := fits(media.Detail)
	wide.Width++
	other := fits(media.Cover)
	other.Format = "image/gif"
	form, _ := rules.Application(rules.Logistics)
	for name, c := range map[string]struct {
		field    *rules.Field
		ref      domain.ImageRef
		image    media.Image
		as       media.Purpose
		mistakes string
		findings string
	}{
		"fits":                     {fieldOf(t, form, "/licence"), digest, fits(media.Licence), media.Licence, "", ""},
		"small":                    {fieldOf(t, form, "/licence"), digest, small, media.Licence, "", "/licence image_small"},
		"for another purpose":      {fieldOf(t, form, "/licence"), digest, fits(media.Logo), media.Logo, "/licence image_unknown", ""},
		"too large":                {fieldOf(t, form, "/logo"), digest, heavy, media.Logo, "/logo image_too_large", ""},
		"another format":           {fieldOf(t, &rules.Product, "/cover"), digest, other, media.Cover, "/cover image_format", ""},
		"too wide":                 {fieldOf(t, &rules.Product, "/details"), digest, wide, media.Detail, "/details/0 image_width", ""},
		"unknown among many":       {fieldOf(t, &rules.Product, "/details"), digest, fits(media.Cover), media.Cover, "/details/0 image_unknown", ""},
		"no reference":             {fieldOf(t, &rules.Product, "/details"), "", fits(media.Detail), media.Detail, "/details/0 required", ""},
		"not a digest":             {fieldOf(t, form, "/logo"), "logo.png", fits(media.Logo), media.Logo, "/logo bad_image_reference", ""},
		"a digest in capitals":     {fieldOf(t, form, "/logo"), domain.ImageRef(strings.ToUpper(digest)), heavy, media.Logo, "/logo bad_image_reference", ""},
		"a digest, and one more":   {fieldOf(t, form, "/logo"), digest + "0", heavy, media.Logo, "/logo bad_image_reference", ""},
		"a digest, and one less":   {fieldOf(t, form, "/logo"), domain.ImageRef(digest[:70]), heavy, media.Logo, "/logo bad_image_reference", ""},
		"purpose without a policy": {fieldOf(t, form, "/logo"), digest, fits(media.Logo), media.Logo, "/logo image_format, /logo image_too_large", ""},
	} {
		policies := media.Standard()
		if strings.Contains(name, "without a policy") {
			delete(policies, c.as)
		}
		sheet := rules.Sheet{Images: media.Facts{{Purpose: c.as, Digest: digest}: c.image}, Policies: policies}
		if c.field.Kind == rules.Images {
			sheet.Gallery(c.field, []domain.ImageRef{c.ref})
		} else {
			value := string(c.ref)
			sheet.Value(c.field, &value, "")
		}
		verdict, err := sheet.Close()
		if got := mistakes(err); got != c.mistakes {
			t.Errorf("%s: %q, want %q", name, got, c.mistakes)
		}
		if err != nil {
			continue
		}
		var found []string
		for _, f := range verdict.Findings {
			found = append(found, f.Field+" "+f.Code)
			if text := f.Text(policies); text.ZH == "" || text.EN == "" {
				t.Errorf("%s: %s has no text", name, f.Code)
			}
		}
		if got := strings.Join(found, ", "); got != c.findings {
			t.Errorf("%s: found %q, want %q", name, got, c.findings)
		}
		if len(verdict.Images) != 1 || verdict.Images[0] != c.image || verdict.Rules != rules.Version {
			t.Errorf("%s: %+v", name, verdict)
		}
	}
}

// TestFindingsHaveTexts: whatever is soft in the book, or in a policy, can be put in words later.
func TestFindingsHaveTexts(t *testing.T) {
	for _, form := range forms() {
		for _, field := range form.Fields {
			for _, r := range field.All() {
				if text := (rules.Finding{Code: r.Code, Field: r.Pointer}).Text(media.Standard()); r.Soft && text != r.Text {
					t.Errorf("%s %s: %+v", r.Pointer, r.Code, text)
				}
			}
			for _, m := range rules.Messages(media.Standard()[field.Purpose]) {
				at := strings.ReplaceAll(field.Each(), "*", "7")
				if text := (rules.Finding{Code: m.Code, Field: at}).Text(media.Standard()); field.Purpose != "" && text != m.Text {
					t.Errorf("%s %s: %+v", at, m.Code, text)
				}
			}
		}
	}
	if text := (rules.Finding{Code: "unheard_of", Field: "/name"}).Text(nil); text.ZH != "" {
		t.Errorf("an unknown finding says %q", text.ZH)
	}
}

func fieldOf(t *testing.T, form *rules.Form, pointer string) *rules.Field {
	t.Helper()
	for i := range form.Fields {
		if form.Fields[i].Pointer == pointer {
			return &form.Fields[i]
		}
	}
	t.Fatalf("no field %s", pointer)
	return nil
}

func uploaded(references []media.Reference) media.Facts {
	facts := media.Facts{}
	for _, r := range references {
		facts[r] = media.Standard()[r.Purpose].Fitting(r.Digest)
	}
	return facts
}

// TestReferences: of a list that is too long anyway nobody asks the library about any.
func TestReferences(t *testing.T) {
	field := &rules.Product.Fields[len(rules.Product.Fields)-1]
	var refs []domain.ImageRef
	for i := range field.MaxItems() {
		refs = append(refs, domain.ImageRef(fmt.Sprintf("sha256:%064d", i)))
	}
	if got := field.References(append(refs[2:], refs[2], "no reference")...); len(got) != len(refs)-2 {
		t.Errorf("%d references of %d, one twice and one ill formed", len(got), len(refs)-2)
	}
	if got := field.References(append(refs, refs[0])...); got != nil {
		t.Errorf("%d references of %d", len(got), len(refs)+1)
	}
}
