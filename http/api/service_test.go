package api_test

import (
	"context"
	"fmt"
	"io/fs"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/access"
	"waybill/http/admin"
	"waybill/http/api"
	"waybill/projections/listing"
)

// TestAnErrorBehindAnOperationIsLogged: also one that a handler of the API returns, whose context has ended by then.
func TestAnErrorBehindAnOperationIsLogged(t *testing.T) {
	w := start(t)
	if _, err := w.pool.Exec(t.Context(), `ALTER TABLE `+listing.Model.Schema+`.products RENAME COLUMN brief TO sesame`); err != nil {
		t.Fatal(err)
	}
	w.do(as{}, "GET", "/api/v1/products", nil, "X-Request-Id", "abc-123").refuses(500, "internal")
	if log := w.log.String(); !strings.Contains(log, "request failed") || !strings.Contains(log, "brief") {
		t.Errorf("the log has not what happened:\n%s", log)
	}
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	w.do(as{}, "GET", "/readyz", nil).is(200)
	elsewhere := w.pool.Config().ConnConfig.Copy()
	name := elsewhere.Database
	elsewhere.Database = "postgres"
	admin, err := pgx.ConnectConfig(t.Context(), elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	if _, err := admin.Exec(t.Context(), fmt.Sprintf(`ALTER DATABASE %q ALLOW_CONNECTIONS false`, name)); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = $1 AND backend_type = 'client backend'`, name); err != nil {
		t.Fatal(err)
	}
	if got := w.do(as{}, "GET", "/readyz", nil).refuses(503, "not_ready"); got.text("parts", 0, "part") != "database" ||
		got.text("parts", 0, "status") != "unavailable" || strings.Contains(string(got.body), name) {
		t.Errorf("got %s", got.body)
	}
	for path, who := range map[string]as{"/api/v1/products": {}, "/api/v1/review/queue": reviewer, "/readyz": {}} {
		got := w.do(who, "GET", path, nil)
		if got.status != 503 || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d\n%s", path, got.status, got.body)
		}
	}
	w.do(as{}, "GET", "/livez", nil).is(200)
}

func TestProblemsSpeakTheCallersLanguage(t *testing.T) {
	w := start(t)
	for accept, want := range map[string]string{
		"": "未找到该对象", "zh-CN,zh;q=0.9,en;q=0.8": "未找到该对象", "en": "no such object", "en-GB,en;q=0.9,zh;q=0.5": "no such object",
		"fr": "未找到该对象", "zh-TW": "未找到该对象", "de,en;q=0.5": "no such object", strings.Repeat("en,", 500): "未找到该对象",
	} {
		got := w.do(as{}, "GET", "/api/v1/products/x", nil, "Accept-Language", accept).refuses(404, "not_found")
		if got.text("detail") != want || got.text("messages", "zh") == "" || got.text("messages", "en") == "" {
			t.Errorf("%.60q: %s", accept, got.body)
		}
	}
}

// TestEveryRefusalIsExplained finds the codes in the sources, so that a new one is not forgotten.
func TestEveryRefusalIsExplained(t *testing.T) {
	w := start(t)
	code := regexp.MustCompile(`Refuse\(\s*(?:(?:domain\.)?Kind|nethttp\.Status)\w+,\s*"([a-z_]+)"`)
	tried := 0
	for _, root := range []string{"..", "../../domain", "../../projections"} {
		err := filepath.WalkDir(root, func(path string, f fs.DirEntry, err error) error {
			if err != nil || f.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || f.Name() == "deadletters.go" {
				return err // dead letters are the command line's alone
			}
			source, err := os.ReadFile(path)
			for _, match := range code.FindAllSubmatch(source, -1) {
				tried++
				got := w.do(as{}, "GET", "/problems/"+string(match[1]), nil)
				if got.status != 200 || got.text("code") != string(match[1]) || got.text("of") != "problem" ||
					got.text("cause", "zh") == "" || got.text("cause", "en") == "" {
					t.Errorf("%s of %s is not explained", match[1], path)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if tried < 30 {
		t.Errorf("only %d codes were found", tried)
	}
	if all := w.do(as{}, "GET", "/problems", nil).is(200); all.count("items") < 80 {
		t.Errorf("only %d codes are listed", all.count("items"))
	}
}

// TestEveryMistakeIsExplained finds the codes of single mistakes in the sources.
func TestEveryMistakeIsExplained(t *testing.T) {
	w := start(t)
	code := regexp.MustCompile(`(?:\.(?:Add|add|wrongType)\([^,]+|wrongParameter\("[^"]+"), "([a-z_]+)",`)
	tried := 0
	for _, root := range []string{"..", "../../domain", "../../projections"} {
		err := filepath.WalkDir(root, func(path string, f fs.DirEntry, err error) error {
			if err != nil || f.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			for _, match := range code.FindAllSubmatch(source, -1) {
				tried++
				if got := w.do(as{}, "GET", "/problems/"+string(match[1]), nil); got.status != 200 || got.text("of") != "mistake" {
					t.Errorf("%s of %s is not explained", match[1], path)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if tried < 30 {
		t.Errorf("only %d codes were found", tried)
	}
}

// TestDocsNeedNoOtherHost: everything the page loads is served here, and its policy forbids the rest.
func TestDocsNeedNoOtherHost(t *testing.T) {
	w := start(t)
	page := w.do(as{}, "GET", "/docs", nil).is(200)
	reference := regexp.MustCompile(`(?:src|href)="([^"]*)"`)
	found := reference.FindAllSubmatch(page.body, -1)
	if len(found) < 4 {
		t.Errorf("the page loads only %d files:\n%s", len(found), page.body)
	}
	for _, match := range found {
		at := string(match[1])
		if !strings.HasPrefix(at, "/docs/") {
			t.Errorf("the page refers to %s", at)
			continue
		}
		if asset := w.do(as{}, "GET", at, nil).is(200); len(asset.body) == 0 {
			t.Errorf("%s is empty", at)
		}
	}
	policy := page.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self' 'sha256-", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("policy %q lacks %q", policy, part)
		}
	}
	if strings.Contains(policy, "http:") || strings.Contains(policy, "https:") || strings.Contains(policy, "*") {
		t.Errorf("policy %q allows other hosts", policy)
	}
	spec := w.do(as{}, "GET", "/openapi.yaml", nil).is(200)
	completed, err := api.Specification()
	if err != nil {
		t.Fatal(err)
	}
	if string(spec.body) != string(completed) {
		t.Error("the served specification is not the one that the program prints")
	}
	w.do(as{}, "GET", "/openapi.yaml", nil, "If-None-Match", spec.header.Get("ETag")).is(304)
}

func TestMetricsCountRequestsByRoute(t *testing.T) {
	w := start(t)
	w.do(as{}, "GET", "/api/v1/products/00000000-0000-0000-0000-000000000000", nil).is(404)
	w.do(as{}, "GET", "/nowhere/at/all", nil).is(404)
	w.do(as{}, "MADEUP", "/api/v1/products", nil).is(405)
	shown := httptest.NewRecorder()
	admin.Handler(admin.Deps{Metrics: w.registry}).ServeHTTP(shown, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	metrics := shown.Body.String()
	w.do(as{}, "GET", "/metrics", nil).refuses(404, "unknown_route") // strangers do not see them
	for _, line := range []string{
		`waybill_http_request_seconds_count{method="GET",route="/api/v1/products/{id}",status="404"} 1`,
		`waybill_http_request_seconds_count{method="GET",route="unmatched",status="404"} 1`,
		`waybill_http_request_seconds_count{method="other",route="unmatched",status="405"} 1`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no %s in\n%s", line, metrics)
		}
	}
}

func TestTheLogHoldsNothingPrivate(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner, enterprise := w.provider(reviewer), w.enterprise()
	product, _ := w.listed(owner, reviewer)
	w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product), "Idempotency-Key", "my-secret-key").is(201)
	w.do(enterprise, "POST", "/api/v1/bookings", with(inquiry(product), "phone", "call me"), "Idempotency-Key", "my-secret-key").is(409)
	w.do(as{}, "GET", "/api/v1/products?q=sesame", nil).is(200)
	log := w.log.String()
	if !strings.Contains(log, "route=/api/v1/bookings") || !strings.Contains(log, "account="+enterprise.id.String()[:8]) {
		t.Errorf("requests are not logged:\n%s", log)
	}
	for _, private := range []string{"13876543210", "王芳", "请报价", "陈海生", "sesame", "my-secret-key", "call me", owner.token, enterprise.token, enterprise.id.String()} {
		if strings.Contains(log, private) {
			t.Errorf("the log has %q", private)
		}
	}
}

func TestRevokedTokens(t *testing.T) {
	w := start(t)
	who := w.enterprise()
	if kept := w.do(who, "GET", "/api/v1/me", nil).is(200).header.Get("Cache-Control"); kept != "no-store" {
		t.Errorf("what is one caller's may be kept: Cache-Control %q", kept)
	}
	if err := w.tokens.RevokeAccount(context.Background(), who.id); err != nil {
		t.Fatal(err)
	}
	w.do(who, "GET", "/api/v1/me", nil).refuses(401, access.ErrTokenRevoked.Code)
	w.do(w.token(who.id, -1, domain.RoleEnterprise), "GET", "/api/v1/me", nil).refuses(401, access.ErrTokenExpired.Code)
	// Two tokens are none.
	r, err := nethttp.NewRequestWithContext(t.Context(), "GET", w.url+"/api/v1/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	valid := "Bearer " + w.token(who.id, 1<<40, domain.RoleEnterprise).token
	r.Header["Authorization"] = []string{valid, valid}
	w.send(r).refuses(401, "unauthorized")
}
