package docs

import (
	"encoding/json"
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	courier "waybill/adapters/webhooks"
	"waybill/domain/webhook"
)

// TestVerificationSample: what docs/webhooks.md gives to receivers takes what is sent, and nothing else.
func TestVerificationSample(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no Python here")
	}
	page, err := os.ReadFile("webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	sample := regexp.MustCompile("(?s)```python\n(.*?)```").FindSubmatch(page)
	if sample == nil {
		t.Fatal("there is no sample")
	}
	const old, next = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
	var headers map[string]string
	var body []byte
	server := httptest.NewServer(nethttp.HandlerFunc(func(_ nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ = io.ReadAll(r.Body)
		headers = map[string]string{}
		for name := range r.Header {
			headers[strings.ToLower(name)] = r.Header.Get(name)
		}
	}))
	t.Cleanup(server.Close)
	sending := courier.New(courier.Config{Rules: webhook.Rules{Plain: true, Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	t.Cleanup(sending.Close)
	send := func(at time.Time) {
		t.Helper()
		err := sending.Send(t.Context(), webhook.Message{
			ID: uuid.New(), URL: server.URL, At: at, Body: []byte(`{"type":"webhook-test"}`), Secrets: []webhook.Secret{next, old},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	verify := func(secret, body string) error {
		t.Helper()
		named, err := json.Marshal(headers)
		if err != nil {
			t.Fatal(err)
		}
		program := string(sample[1]) + fmt.Sprintf("\nimport json, sys\nverify(%q, json.loads(sys.argv[1]), sys.argv[2].encode())\n", secret)
		out, err := exec.CommandContext(t.Context(), python, "-c", program, string(named), body).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "ValueError: ") {
			t.Fatalf("%v: %s", err, out)
		}
		return err
	}
	send(time.Now())
	for _, secret := range []string{old, next} {
		if err := verify(secret, string(body)); err != nil {
			t.Errorf("what was sent is not taken: %v", err)
		}
	}
	if verify(old, string(body)+" ") == nil || verify("whsec_AAAA", string(body)) == nil {
		t.Error("what nobody sent was taken")
	}
	send(time.Now().Add(-time.Hour))
	if verify(old, string(body)) == nil {
		t.Error("what was sent long ago was taken")
	}
}
