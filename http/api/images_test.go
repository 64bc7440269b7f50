package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	pictures "image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"waybill/domain"
)

// drawn is a PNG of its own for each seed.
func drawn(width, height, seed int) []byte {
	i := pictures.NewGray(pictures.Rect(0, 0, width, height))
	for x := range width {
		i.SetGray(x, seed%height, color.Gray{uint8(x * seed)})
	}
	var out bytes.Buffer
	_ = png.Encode(&out, i)
	return out.Bytes()
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// upload sends an image as the body itself.
func (w *world) upload(who as, purpose string, content []byte, headers ...string) answer {
	w.t.Helper()
	return w.do(who, "POST", "/api/v1/images?purpose="+purpose, string(content), append([]string{"Content-Type", "image/png"}, headers...)...)
}

// form is a multipart body of some files.
func form(t *testing.T, files ...[]byte) (body, media string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, f := range files {
		part, err := w.CreateFormFile("file", "图片.exe")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write(f)
	}
	_ = w.Close()
	return out.String(), w.FormDataContentType()
}

func TestUploads(t *testing.T) {
	w := start(t)
	who := w.enterprise()
	content := drawn(20, 10, 1)
	url := "/media/" + digestOf(content)
	first := w.upload(who, "licence", content).is(201)
	want := fmt.Sprintf(`{"bytes":%d,"digest":"%s","findings":[{"code":"image_small","text":{"en":"smaller than its display box of 239×160",`+
		`"zh":"图片小于展示尺寸 239×160"}}],"format":"image/png","height":10,"url":"%s","width":20}`, len(content), digestOf(content), url)
	if strings.TrimSpace(string(first.body)) != want || first.header.Get("Location") != url {
		t.Errorf("got %s\nwant %s", first.body, want)
	}
	body, media := form(t, content)
	for _, sent := range []struct{ body, media string }{
		{body, media},
		{string(content), "application/octet-stream"},
		{string(content), "image/jpeg"}, // nobody is believed
		{string(content), "image/png; charset=x"},
	} {
		got := w.do(who, "POST", "/api/v1/images?purpose=licence", sent.body, "Content-Type", sent.media).is(201)
		if string(got.body) != string(first.body) {
			t.Errorf("as %s: %s", sent.media, got.body)
		}
	}
	two, media2 := form(t, content, content)
	none, media0 := form(t)
	begin := "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n"
	for name, c := range map[string]struct {
		purpose, body, media string
		status               int
		code, mistake        string
	}{
		"two files":        {"licence", two, media2, 400, "not_one_file", ""},
		"no file":          {"licence", none, media0, 400, "not_one_file", ""},
		"no boundary":      {"licence", body, "multipart/form-data", 400, "not_one_file", ""},
		"another boundary": {"licence", body, "multipart/form-data; boundary=x", 400, "not_one_file", ""},
		"cut short":        {"licence", body[:len(body)-80], media, 400, "not_one_file", ""},
		// What a form has beside its file is kept in memory, so there may not be much of it.
		"a long header":      {"licence", begin + "X: " + strings.Repeat("x", 16<<10) + "\r\n\r\n" + string(content) + "\r\n--x--\r\n", "multipart/form-data; boundary=x", 400, "not_one_file", ""},
		"a long one behind":  {"licence", begin + "\r\n" + string(content) + "\r\n" + begin + "X: " + strings.Repeat("x", 1<<20), "multipart/form-data; boundary=x", 400, "not_one_file", ""},
		"nothing":            {"licence", "", "image/png", 400, "empty_body", ""},
		"JSON":               {"licence", "{}", "application/json", 415, "unsupported_media_type", ""},
		"a GIF by its type":  {"licence", string(content), "image/gif", 415, "unsupported_media_type", ""},
		"too large":          {"licence", strings.Repeat("x", 4<<20+1), "image/png", 413, "body_too_large", ""},
		"too large a form":   {"licence", body + strings.Repeat("x", 5<<20), media, 413, "body_too_large", ""},
		"no picture":         {"licence", "hello", "image/png", 422, "invalid_input", "/file"},
		"not what it is for": {"cover", string(content), "image/png", 422, "invalid_input", "/file"},
		"no purpose":         {"", string(content), "image/png", 422, "invalid_input", "purpose"},
		"unknown purpose":    {"avatar", string(content), "image/png", 422, "invalid_input", "purpose"},
	} {
		got := w.do(who, "POST", "/api/v1/images?purpose="+c.purpose, c.body, "Content-Type", c.media)
		if got.status != c.status || got.text("code") != c.code || (c.mistake != "" && got.mistakes()[c.mistake] == "") {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	w.upload(who, "licence", content, "Content-Encoding", "gzip").refuses(415, "unsupported_media_type")
	r, err := nethttp.NewRequestWithContext(t.Context(), "POST", w.url+"/api/v1/images?purpose=licence", endless{})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "image/png")
	r.Header.Set("Authorization", "Bearer "+who.token)
	w.send(r).is(422) // as long as it is no picture, nobody reads on
}

// patientWriter is a connection whose deadlines can be set.
type patientWriter struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (w *patientWriter) SetReadDeadline(t time.Time) error  { w.read = t; return nil }
func (w *patientWriter) SetWriteDeadline(t time.Time) error { w.write = t; return nil }

// stalled is a body of which no more comes.
type stalled struct{ err error }

func (s stalled) Read([]byte) (int, error) { return 0, s.err }

// TestABodyThatDoesNotArrive is its sender's trouble, not the server's; who is merely slow has a minute.
func TestABodyThatDoesNotArrive(t *testing.T) {
	w := start(t)
	who := w.enterprise()
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"too slow":   {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, 408, "upload_too_slow"},
		"cut short":  {io.ErrUnexpectedEOF, 400, "bad_request"},
		"ill formed": {errors.New("invalid byte in chunk length"), 400, "bad_request"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/images?purpose=logo", io.MultiReader(strings.NewReader("\x89PNG"), stalled{c.err}))
		r.Header.Set("Content-Type", "image/png")
		r.Header.Set("Authorization", "Bearer "+who.token)
		got, from := &patientWriter{ResponseRecorder: httptest.NewRecorder()}, time.Now()
		w.web.ServeHTTP(got, r)
		if got.Code != c.status || !strings.Contains(got.Body.String(), c.code) {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
		if got.read.Before(from.Add(time.Minute)) || got.write.Before(got.read) {
			t.Errorf("%s: reads until %s, writes until %s, from %s", name, got.read, got.write, from)
		}
	}
}

func TestARepeatedUploadIsAnsweredTheSame(t *testing.T) {
	w := start(t)
	who, other := w.enterprise(), w.enterprise()
	send := func(who as, seed int) answer {
		return w.upload(who, "licence", drawn(20, 10, seed), "Idempotency-Key", "k1")
	}
	first := send(who, 1).is(201)
	again := send(who, 1).is(201)
	if string(again.body) != string(first.body) || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("got %s %v", again.body, again.header)
	}
	send(who, 2).refuses(409, "idempotency_key_reused")
	send(other, 2).is(201) // the key is the account's
}

func TestQuotaOfUploads(t *testing.T) {
	w := start(t)
	who := w.enterprise()
	for n := range 100 {
		w.upload(who, "licence", []byte("no picture"), "Idempotency-Key", strconv.Itoa(n)).is(422)
	}
	got := w.upload(who, "licence", drawn(20, 10, 1)).refuses(429, "image_quota_reached")
	if after, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || after < 1 || after > 24*60*60 {
		t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
	}
	w.upload(w.enterprise(), "licence", drawn(20, 10, 1)).is(201)
}

// TestWhoSeesWhichImage: each step of an application's and a product's life, and who sees each of its images then.
func TestWhoSeesWhichImage(t *testing.T) {
	w := start(t)
	reviewer, auditor, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor), w.staff(domain.RoleOperator)
	other := w.provider(reviewer)
	owner := w.enterprise()
	images := map[string]string{}
	for i, c := range []struct {
		name, purpose string
		width, height int
	}{
		{"licence", "licence", 300, 200},
		{"logo", "logo", 185, 74},
		{"cover", "cover", 239, 160},
		{"detail", "detail", 1200, 10},
		{"next cover", "cover", 239, 160},
		{"unused", "cover", 239, 160},
	} {
		images[c.name] = w.upload(owner, c.purpose, drawn(c.width, c.height, i+1)).is(201).text("digest")
	}
	everybody := map[string]as{
		"public": {}, "owner": owner, "other": other, "reviewer": reviewer, "auditor": auditor, "operator": operator,
	}
	position := "0"
	// sees holds an image to those who may see it: the words of who.
	sees := func(step, name, who string) {
		t.Helper()
		for caller, as := range everybody {
			path := "/media/" + images[name]
			got := w.do(as, "GET", path, nil, "Waybill-Position", position)
			want := 404
			if strings.Contains(who, caller) || who == "everybody" {
				want = 200
			}
			if got.status != want {
				t.Errorf("%s: %s seen by %s: %d, want %d", step, name, caller, got.status, want)
			}
			control := got.header.Get("Cache-Control")
			switch {
			case want == 404 && (control != "no-store" || got.text("code") != "not_found"):
				t.Errorf("%s: %s not seen by %s: %s", step, name, caller, control)
			case want == 200 && control != map[bool]string{true: "public, no-cache", false: "private, no-cache"}[who == "everybody"]:
				t.Errorf("%s: %s seen by %s: %s", step, name, caller, control)
			}
			if thumbnail := w.do(as, "GET", path+"?box=120x80", nil); thumbnail.status != want {
				t.Errorf("%s: thumbnail of %s seen by %s: %d, want %d", step, name, caller, thumbnail.status, want)
			}
			if head := w.do(as, "HEAD", path, nil); head.status != want || len(head.body) > 0 {
				t.Errorf("%s: HEAD of %s by %s: %d, want %d", step, name, caller, head.status, want)
			}
		}
	}
	do := func(who as, method, path string, body any) {
		t.Helper()
		got := w.do(who, method, path, body)
		if got.status != 200 && got.status != 201 {
			t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
		}
		position = got.position()
	}
	const all, submitted, staff = "everybody", "owner reviewer auditor operator", "owner reviewer auditor"
	for name := range images {
		sees("uploaded", name, "owner")
	}
	w.serial = 2 // the owner is the second enterprise
	profile := with(with(w.profile(), "licence", images["licence"]), "logo", images["logo"])
	do(owner, "POST", "/api/v1/provider/application", profile)
	sees("applied", "licence", staff)
	sees("applied", "logo", submitted)
	do(reviewer, "POST", "/api/v1/review/providers/"+owner.id.String()+"/approve", m{"revision": 1})
	sees("approved", "licence", staff)
	sees("approved", "logo", all)
	product := with(with(content(), "cover", images["cover"]), "details", []string{images["detail"]})
	created := w.do(owner, "POST", "/api/v1/provider/products", product).is(201)
	id := created.text("id")
	position = created.position()
	review, own := "/api/v1/review/products/"+id, "/api/v1/provider/products/"+id
	sees("pending", "cover", submitted)
	sees("pending", "detail", submitted)
	do(reviewer, "POST", review+"/approve", m{"revision": 1})
	sees("listed", "cover", all)
	sees("listed", "detail", all)
	do(owner, "PUT", own, with(product, "cover", images["next cover"]))
	sees("revised", "cover", all)
	sees("revised", "next cover", submitted)
	do(reviewer, "POST", review+"/approve", m{"revision": 2})
	sees("approved again", "cover", submitted)
	sees("approved again", "next cover", all)
	do(owner, "DELETE", own+"/listing", nil)
	sees("unlisted", "next cover", submitted)
	do(owner, "PUT", own+"/listing", nil)
	sees("listed again", "next cover", all)
	do(operator, "POST", "/api/v1/operator/providers/"+owner.id.String()+"/suspend", m{"reason": "复核"})
	sees("suspended", "next cover", submitted)
	sees("suspended", "logo", submitted)
	do(operator, "POST", "/api/v1/operator/providers/"+owner.id.String()+"/reinstate", m{"reason": "复核"})
	sees("reinstated", "next cover", all)
	do(operator, "POST", "/api/v1/operator/products/"+id+"/take-down", m{"reason": "投诉"})
	sees("taken down", "next cover", submitted)
	do(owner, "DELETE", own, nil)
	sees("deleted", "next cover", "nobody")
	sees("deleted", "detail", "nobody")
	w.upload(owner, "detail", drawn(1200, 10, 4)).is(201)
	sees("uploaded again", "detail", "owner")
	sees("the end", "licence", staff)
	sees("the end", "unused", "owner")
}

func TestImagesAreServedAsFiles(t *testing.T) {
	w := start(t)
	who, content := w.enterprise(), drawn(300, 200, 7)
	path := w.upload(who, "licence", content).is(201).text("url")
	whole := w.do(who, "GET", path, nil).is(200)
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline", "Vary": "Authorization",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "Content-Length": strconv.Itoa(len(content)),
	} {
		if got := whole.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !bytes.Equal(whole.body, content) {
		t.Errorf("%d bytes, want %d", len(whole.body), len(content))
	}
	if head := w.do(who, "HEAD", path, nil, "Range", "bytes=0-3").is(200); head.header.Get("Content-Length") != strconv.Itoa(len(content)) {
		t.Errorf("HEAD: %v", head.header)
	}
	part := w.do(who, "GET", path, nil, "Range", "bytes=8-15").is(206)
	if !bytes.Equal(part.body, content[8:16]) {
		t.Errorf("part %q", part.body)
	}
	tag := whole.header.Get("ETag")
	w.do(who, "GET", path, nil, "If-None-Match", tag).is(304)
	w.do(who, "GET", path, nil, "If-None-Match", `"other"`).is(200)
	w.do(who, "GET", path, nil, "If-Match", `"other"`).refuses(412, "precondition_failed")
	w.do(who, "GET", path, nil, "If-Range", `"other"`, "Range", "bytes=8-15").is(200)
	beyond := w.do(who, "GET", path, nil, "Range", "bytes=9999999-").refuses(416, "range_not_satisfiable")
	if got := beyond.header.Get("Content-Range"); got != fmt.Sprintf("bytes */%d", len(content)) {
		t.Errorf("Content-Range %q", got)
	}
	thumbnail := w.do(who, "GET", path+"?box=239x160", nil).is(200)
	if c, _, err := pictures.DecodeConfig(bytes.NewReader(thumbnail.body)); err != nil || c.Width > 239 || c.Height > 160 || thumbnail.header.Get("ETag") == tag {
		t.Errorf("thumbnail %+v %v", c, err)
	}
	w.do(who, "GET", path+"?box=1x1", nil).is(422)
	// A token that is no good is said to be so, but not for what everybody may see, and nothing is given away by it.
	bad := as{token: "wb_" + strings.Repeat("A", 43)}
	w.do(bad, "GET", path, nil).refuses(401, "token_unknown")
	w.do(bad, "GET", "/media/"+digestOf(nil), nil).refuses(401, "token_unknown")
}
