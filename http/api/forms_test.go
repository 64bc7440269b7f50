package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/rules"
)

const (
	applicationForm = "/api/v1/forms/provider-application"
	productForm     = "/api/v1/forms/product"
)

// field is what a client reads of one.
type field struct {
	Pointer, Kind string
	Required      bool
	Counter       int
	MaxItems      int `json:"max_items"`
	Options       []struct{ Value string }
	Image         *struct {
		Purpose       string
		Formats       []string
		MaxBytes      int64 `json:"max_bytes"`
		Width, Height *struct {
			Pixels int
			Exact  bool
		}
	}
	Messages []struct {
		Code, Pointer, Test string
		Limit               int
		Soft                bool
		Text                struct{ ZH, EN string }
	}
}

func formOf(t *testing.T, a answer) (fields []field) {
	t.Helper()
	var form struct{ Fields []field }
	if err := json.Unmarshal(a.is(200).body, &form); err != nil {
		t.Fatal(err)
	}
	return form.Fields
}

func pointers(fields []field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.Pointer
	}
	return strings.Join(all, " ")
}

// TestForms: 7 fields before a type is chosen, 10 of a logistics provider (Q26), 11 of a product; each with all that a client needs.
func TestForms(t *testing.T) {
	w := start(t)
	unselected := formOf(t, w.do(as{}, "GET", applicationForm, nil))
	logistics := formOf(t, w.do(as{}, "GET", applicationForm+"?type=logistics", nil))
	product := formOf(t, w.do(as{}, "GET", productForm, nil))
	for _, c := range []struct{ name, got, want string }{
		{"unselected", pointers(unselected), "/type /name /uscc /legal_representative /contact /address /phone"},
		{"logistics", pointers(logistics), "/type /name /uscc /licence /legal_representative /contact /address /phone /logo /introduction"},
		{"product", pointers(product), "/name /brief /tags /mode /destination/country /destination/city /destination/latitude /destination/longitude /destination/crs /cover /details"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
	if got := w.do(as{}, "GET", applicationForm+"?type=customs", nil).refuses(422, "invalid_input").mistakes(); got["type"] != "unknown_type" {
		t.Errorf("another type: %v", got)
	}
	for _, want := range []struct{ pointer, kind, numbers string }{
		{"/type", "select", "required, options [logistics]"},
		{"/name", "text", "required, counter 20"},
		{"/uscc", "text", "required, counter 20"}, // of which a code has 18 (Q6)
		{"/licence", "image", "required, licence 2097152 239 160"},
		{"/phone", "phone", "required, counter 20"},
		{"/address", "text", "required, counter 30"},
		{"/logo", "image", "required, logo 102400 185! 74!"},
		{"/introduction", "textarea", "required, counter 300"},
		{"/tags", "tags", "counter 50, items 50"},
		{"/mode", "select", "required, options [sea air land rail]"},
		{"/destination/city", "place", "required, counter 30"},
		{"/destination/latitude", "coordinates", "required"},
		{"/destination/longitude", "coordinates", "required"},
		{"/cover", "image", "required, cover 204800 239! 160!"},
		{"/details", "images", "required, items 10, detail 1048576 1200!"},
	} {
		all := slices.Concat(logistics, product[2:])
		i := slices.IndexFunc(all, func(f field) bool { return f.Pointer == want.pointer })
		if i < 0 || all[i].Kind != want.kind || numbers(all[i]) != want.numbers {
			t.Errorf("%s: %+v %q, want %s %q", want.pointer, all[i], numbers(all[i]), want.kind, want.numbers)
		}
	}
	for _, f := range slices.Concat(unselected, logistics, product) {
		for _, said := range f.Messages {
			if said.Text.ZH == "" || said.Text.EN == "" {
				t.Errorf("%s says nothing of %s", f.Pointer, said.Code)
			}
		}
	}
}

func numbers(f field) string {
	var parts []string
	if f.Required {
		parts = append(parts, "required")
	}
	if f.Counter > 0 {
		parts = append(parts, fmt.Sprint("counter ", f.Counter))
	}
	if f.MaxItems > 0 {
		parts = append(parts, fmt.Sprint("items ", f.MaxItems))
	}
	if len(f.Options) > 0 {
		values := make([]string, len(f.Options))
		for i, o := range f.Options {
			values[i] = o.Value
		}
		parts = append(parts, fmt.Sprint("options ", values))
	}
	if i := f.Image; i != nil {
		text := fmt.Sprint(i.Purpose, " ", i.MaxBytes)
		for _, side := range []*struct {
			Pixels int
			Exact  bool
		}{i.Width, i.Height} {
			if side != nil {
				text += fmt.Sprint(" ", side.Pixels)
				if side.Exact {
					text += "!"
				}
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// TestFormsAreNotSentTwice: a form has a tag.
func TestFormsAreNotSentTwice(t *testing.T) {
	w := start(t)
	for _, path := range []string{applicationForm, applicationForm + "?type=logistics", productForm} {
		tag := w.do(as{}, "GET", path, nil).is(200).header.Get("ETag")
		w.do(as{}, "GET", path, nil, "If-None-Match", tag).is(304)
	}
}

// TestRefusalsAreInTheWordsOfTheForm: what a submission is refused for, the form has said before, at the same place and in the same words.
func TestRefusalsAreInTheWordsOfTheForm(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner, applicant := w.provider(reviewer), w.enterprise()
	profile := w.profile()
	for name, c := range map[string]struct {
		who          as
		method, path string
		form         string
		bodies       []m
	}{
		"application": {applicant, "POST", "/api/v1/provider/application", applicationForm + "?type=logistics", []m{
			{"type": "logistics"},
			with(profile, "uscc", "123"), with(profile, "phone", "见名片"), with(profile, "licence", "licence.png"),
			with(profile, "name", strings.Repeat("长", 21)+"\u202e"), with(profile, "address", "a\nb"), with(profile, "type", "customs"),
			with(profile, "uscc", "91460200MA5TBJ3K4O"), with(profile, "uscc", "91460200MA5TBJ3K41"),
		}},
		"product": {owner, "POST", "/api/v1/provider/products", productForm, []m{
			{},
			with(content(), "tags", []string{strings.Repeat("长", 51), "a\nb", "\u202e"}), with(content(), "details", []string{"x", image}),
			with(content(), "destination", m{"country": "a\nb", "city": "", "latitude": 91, "longitude": -181, "crs": "x"}),
			with(content(), "details", slices.Repeat([]string{image}, 11)),
		}},
	} {
		fields := formOf(t, w.do(as{}, "GET", c.form, nil))
		for _, body := range c.bodies {
			got := w.do(c.who, c.method, c.path, body).refuses(422, "invalid_input")
			if preview := w.do(c.who, c.method, c.path+"?mode=preview", body).refuses(422, "invalid_input"); fmt.Sprint(preview.at("errors")) != fmt.Sprint(got.at("errors")) {
				t.Errorf("%s: the preview says\n%s\nthe submission\n%s", name, preview.body, got.body)
			}
			if got.count("errors") == 0 {
				t.Errorf("%s: %v is refused for nothing", name, body)
			}
			for i := range got.count("errors") {
				pointer, code, said := got.text("errors", i, "pointer"), got.text("errors", i, "code"), got.text("errors", i, "messages", "zh")
				if !slices.ContainsFunc(fields, func(f field) bool {
					return slices.ContainsFunc(f.Messages, func(m struct {
						Code, Pointer, Test string
						Limit               int
						Soft                bool
						Text                struct{ ZH, EN string }
					},
					) bool {
						at := m.Pointer == pointer || (strings.HasSuffix(m.Pointer, "/*") && strings.HasPrefix(pointer, strings.TrimSuffix(m.Pointer, "*")))
						return at && m.Code == code && m.Text.ZH == said && !m.Soft
					})
				}) {
					t.Errorf("%s: no form says %q (%s) at %s", name, said, code, pointer)
				}
			}
		}
	}
}

// TestEveryCodeOfTheBookIsExplained: what a submission can be refused for has its page.
func TestEveryCodeOfTheBookIsExplained(t *testing.T) {
	w := start(t)
	listed := string(w.do(as{}, "GET", "/problems", nil).is(200).body)
	for _, form := range append([]rules.Form{rules.Product}, rules.Applications...) {
		for _, f := range form.Fields {
			codes := map[string]bool{}
			for _, r := range f.All() {
				codes[r.Code] = r.Soft
			}
			for _, m := range rules.Messages(media.Standard()[f.Purpose]) {
				codes[m.Code] = m.Soft || f.Purpose == ""
			}
			for code, soft := range codes {
				if !soft && !strings.Contains(listed, `"code":"`+code+`"`) {
					t.Errorf("%s of %s is not explained", code, f.Pointer)
				}
			}
		}
	}
}
