package api_test

import (
	"os"
	"path/filepath"
	"testing"

	"waybill/domain"
)

// mistake is where and what one refusal is.
func mistake(a answer) string {
	return a.text("errors", 0, "pointer") + " " + a.text("errors", 0, "code")
}

// TestWhatIsSubmittedWasUploaded is the way of four images from their upload to the public list, on the library and the gazetteer that the
// server has.
func TestWhatIsSubmittedWasUploaded(t *testing.T) {
	w := startReal(t)
	reviewer, applicant := w.staff(domain.RoleReviewer), w.enterprise()
	profile := w.profile()
	other := w.enterprise()
	upload := func(who as, purpose string, width, height, seed int) string {
		t.Helper()
		return w.upload(who, purpose, drawn(width, height, seed)).is(201).text("digest")
	}
	licence, logo := upload(applicant, "licence", 200, 100, 1), upload(applicant, "logo", 185, 74, 2)
	cover, detail := upload(applicant, "cover", 239, 160, 3), upload(applicant, "detail", 1200, 30, 4)
	theirs, wrong := upload(other, "licence", 300, 200, 5), upload(applicant, "cover", 239, 160, 6)

	// Refused at its field: another account's, one for another purpose, and one that nobody has. A preview says just the same.
	application := func(licence string) m { return with(with(profile, "licence", licence), "logo", logo) }
	const path = "/api/v1/provider/application"
	for name, digest := range map[string]string{"another's": theirs, "a cover": wrong, "nobody's": digestOf(nil)} {
		for _, mode := range []string{"", "?mode=preview"} {
			got := w.do(applicant, "POST", path+mode, application(digest)).refuses(422, "invalid_input")
			if mistake(got) != "/licence image_unknown" || got.count("errors") != 1 {
				t.Errorf("%s%s: %s", name, mode, got.body)
			}
		}
	}
	preview := w.do(applicant, "POST", path+"?mode=preview", application(licence)).is(200)
	if preview.count("findings") != 1 || preview.text("findings", 0, "field") != "/licence" || preview.text("findings", 0, "code") != "image_small" ||
		preview.count("images") != 2 {
		t.Errorf("preview %s", preview.body)
	}
	w.do(applicant, "GET", path, nil).refuses(404, "not_found")
	applied := w.do(applicant, "POST", path, application(licence)).is(201)
	queued := w.do(reviewer, "GET", "/api/v1/review/providers/"+applicant.id.String(), nil, "Waybill-Position", applied.position()).is(200)
	if queued.text("item", "findings", 0, "code") != "image_small" || queued.count("images") != 2 {
		t.Errorf("the reviewer sees %s", queued.body)
	}
	w.do(reviewer, "POST", "/api/v1/review/providers/"+applicant.id.String()+"/approve", m{"revision": 1}).is(200)

	// The same of a product, and what the gazetteer says: a city that was typed is a finding, and so is a click far from one.
	const products = "/api/v1/provider/products"
	product := with(with(content(), "cover", cover), "details", []string{detail})
	for name, c := range map[string]struct {
		content m
		want    string
	}{
		"another's": {with(product, "details", []string{detail, theirs}), "/details/1 image_unknown"},
		"a detail":  {with(product, "cover", detail), "/cover image_unknown"},
		"a cover":   {with(product, "details", []string{cover}), "/details/0 image_unknown"},
	} {
		for _, mode := range []string{"", "?mode=preview"} {
			got := w.do(applicant, "POST", products+mode, c.content).refuses(422, "invalid_input")
			if mistake(got) != c.want || got.count("errors") != 1 {
				t.Errorf("%s%s: %s", name, mode, got.body)
			}
		}
	}
	at := func(city string, latitude, longitude float64) m {
		return with(product, "destination", m{"country": "越南", "city": city, "latitude": latitude, "longitude": longitude, "crs": "WGS-84"})
	}
	for name, c := range map[string]struct {
		content m
		want    string
	}{
		"chosen":          {product, ""},
		"typed":           {at("一个没有的城市", 20.8, 106.7), "place_unknown"},
		"far from a city": {at("海防", 10.8, 106.7), "place_far"},
	} {
		got := w.do(applicant, "POST", products+"?mode=preview", c.content).is(200)
		if (c.want == "") != (got.count("findings") == 0) || c.want != "" && got.text("findings", 0, "code") != c.want {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	id := w.do(applicant, "POST", products, product).is(201).text("id")
	listed := w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1}).is(200)
	page := w.do(as{}, "GET", "/api/v1/products", nil, "Waybill-Position", listed.position()).is(200)
	if page.count("items") != 1 || page.text("items", 0, "cover_url") != "/media/"+cover {
		t.Errorf("listed %s", page.body)
	}
	for _, public := range []string{cover, detail, logo} {
		w.do(as{}, "GET", "/media/"+public, nil, "Waybill-Position", listed.position()).is(200)
	}
	tag := w.do(reviewer, "GET", "/media/"+licence, nil).is(200).header.Get("ETag")
	for name, who := range map[string]as{"nobody": {}, "another": other, "an operator": w.staff(domain.RoleOperator)} {
		for _, condition := range [][]string{nil, {"If-None-Match", tag}, {"If-None-Match", "*"}, {"Range", "bytes=0-3"}, {"If-Match", tag}} {
			got := w.do(who, "GET", "/media/"+licence, nil, condition...).refuses(404, "not_found")
			if got.header.Get("ETag") != "" {
				t.Errorf("%s with %v is told of a licence: %v", name, condition, got.header)
			}
		}
	}
	// What is no longer listed is not there either for who has it in a cache.
	hidden := w.do(applicant, "DELETE", products+"/"+id+"/listing", nil).is(200)
	tag = w.do(applicant, "GET", "/media/"+cover, nil, "Waybill-Position", hidden.position()).is(200).header.Get("ETag")
	w.do(as{}, "GET", "/media/"+cover, nil, "If-None-Match", tag).refuses(404, "not_found")
	w.do(as{}, "GET", "/media/"+cover+"?box=120x80", nil, "If-None-Match", "*").refuses(404, "not_found")
}

// TestSubmissionsWithoutTheStore: while the store of images is away nobody is told that their images are unknown.
func TestSubmissionsWithoutTheStore(t *testing.T) {
	w := startReal(t)
	applicant := w.enterprise()
	profile := with(with(w.profile(), "licence", w.upload(applicant, "licence", drawn(300, 200, 1)).is(201).text("digest")),
		"logo", w.upload(applicant, "logo", drawn(185, 74, 2)).is(201).text("digest"))
	// A file where the folder was.
	store := filepath.Join(w.folder, "sha256")
	if err := os.RemoveAll(store); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"", "?mode=preview"} {
		w.do(applicant, "POST", "/api/v1/provider/application"+mode, profile).refuses(503, "images_unavailable")
	}
	w.upload(applicant, "logo", drawn(185, 74, 3)).refuses(503, "images_unavailable")
}
