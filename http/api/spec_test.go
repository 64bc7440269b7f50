package api_test

import (
	"fmt"
	nethttp "net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"waybill/domain"
)

// route is one operation of the specification, as the tests that go through all of them see it.
type route struct {
	method, path string
	op           *openapi3.Operation
	roles        []string
	standings    []string
}

func (r route) String() string { return r.method + " " + r.path }

// with fills in the path's parameters; a kind is that of products.
func (r route) with(value string) string {
	path := strings.Replace(r.path, "{kind}", "product", 1)
	return regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllLiteralString(path, value)
}

// takesJSON says whether the route takes a body that is not a file.
func (r route) takesJSON() bool {
	return r.op.RequestBody != nil && r.op.RequestBody.Value.Content.Get("application/json") != nil
}

// example is the first example of the request's body; nil when it takes none, or a file.
func (r route) example() any {
	if !r.takesJSON() {
		return nil
	}
	for _, e := range r.op.RequestBody.Value.Content.Get("application/json").Examples {
		return e.Value.Value
	}
	return nil
}

// routes are all operations, in a stable order.
func (w *world) routes() []route {
	var all []route
	for path, item := range w.spec.Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, route{
				method: method, path: path, op: op,
				roles: words(op.Extensions["x-roles"]), standings: words(op.Extensions["x-provider-standing"]),
			})
		}
	}
	slices.SortFunc(all, func(a, b route) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return all
}

func words(v any) []string {
	var all []string
	list, _ := v.([]any)
	for _, one := range list {
		all = append(all, fmt.Sprint(one))
	}
	return all
}

func TestEveryRouteIsInTheSpecificationAndTheOtherWayRound(t *testing.T) {
	w := start(t)
	specified := map[string]bool{}
	for _, r := range w.routes() {
		specified[r.String()] = true
		if len(r.roles) == 0 {
			t.Errorf("%s has no x-roles", r)
		}
		if r.takesJSON() && r.example() == nil {
			t.Errorf("%s has no example of its body", r)
		}
	}
	parameter := regexp.MustCompile(`:([a-z]+)`)
	served := map[string]bool{}
	for _, r := range w.web.Echo.Routes() {
		if r.Path == "/docs/*" { // the files of the page at /docs
			continue
		}
		served[r.Method+" "+parameter.ReplaceAllString(r.Path, "{$1}")] = true
	}
	for r := range specified {
		if !served[r] {
			t.Errorf("%s is specified but not served", r)
		}
	}
	for r := range served {
		if !specified[r] {
			t.Errorf("%s is served but not specified", r)
		}
	}
}

// TestEveryRoleOnEveryRoute tries every kind of caller on every route; who may call is what x-roles says.
func TestEveryRoleOnEveryRoute(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	suspended, closed := w.provider(reviewer), w.provider(reviewer)
	w.do(operator, "POST", "/api/v1/operator/providers/"+suspended.id.String()+"/suspend", m{"reason": "测试"}).is(200)
	w.do(operator, "POST", "/api/v1/operator/providers/"+closed.id.String()+"/close", m{"reason": "测试"}).is(200)
	applicant := w.enterprise()
	w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	callers := []struct {
		name     string
		who      as
		roles    []string
		standing string
	}{
		{name: "nobody"},
		{name: "a made-up token", who: as{token: "wb_" + strings.Repeat("A", 43)}},
		{name: "an expired token", who: w.token(uuid.New(), -1, domain.RoleEnterprise, domain.RoleReviewer, domain.RoleAuditor, domain.RoleOperator)},
		{name: "a token without roles", who: w.token(uuid.New(), 1<<40), roles: []string{"any"}},
		{name: "enterprise", who: w.enterprise(), roles: []string{"any", "enterprise"}},
		{name: "applicant", who: applicant, roles: []string{"any", "enterprise"}, standing: "applicant"},
		{name: "provider", who: w.provider(reviewer), roles: []string{"any", "enterprise", "provider"}, standing: "active"},
		{name: "suspended provider", who: suspended, roles: []string{"any", "enterprise", "provider"}, standing: "suspended"},
		{name: "closed provider", who: closed, roles: []string{"any", "enterprise", "provider"}, standing: "closed"},
		{name: "reviewer", who: reviewer, roles: []string{"any", "reviewer"}},
		{name: "auditor", who: w.staff(domain.RoleAuditor), roles: []string{"any", "auditor"}},
		{name: "operator", who: operator, roles: []string{"any", "operator"}},
	}
	for _, r := range w.routes() {
		for _, c := range callers {
			// Without a body and with an id that nobody has, a caller who may gets another refusal, or an answer.
			got := w.do(c.who, r.method, r.with(uuid.NewString()), nil)
			standings := r.standings
			if standings == nil {
				standings = []string{"active"}
			}
			may := slices.ContainsFunc(r.roles, func(role string) bool {
				return role == "public" || (slices.Contains(c.roles, role) && (role != "provider" || slices.Contains(standings, c.standing)))
			})
			switch {
			case may:
				if got.status == 401 || got.status == 403 {
					t.Errorf("%s by %s: %d, but may\n%s", r, c.name, got.status, got.body)
				}
			case len(c.roles) == 0:
				if got.status != 401 || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s by %s: %d, want 401 with WWW-Authenticate\n%s", r, c.name, got.status, got.body)
				}
			case got.status != 403:
				t.Errorf("%s by %s: %d, want 403\n%s", r, c.name, got.status, got.body)
			}
		}
	}
}

// TestForeignObjects tries every route that has an owner's id in its path with an object of another.
func TestForeignObjects(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner, enterprise := w.provider(reviewer), w.enterprise()
	other, otherEnterprise := w.provider(reviewer), w.enterprise()
	product, _ := w.listed(owner, reviewer)
	booked := w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201)
	w.do(enterprise, "GET", "/api/v1/bookings/"+booked.text("id"), nil, "Waybill-Position", booked.position()).is(200)
	count := func() int {
		var n int
		if err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM eventstore.events`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, tried := count(), 0
	for _, r := range w.routes() {
		if !strings.Contains(r.path, "{id}") || (!slices.Contains(r.roles, "provider") && !slices.Contains(r.roles, "enterprise")) {
			continue
		}
		tried++
		id := product
		if strings.Contains(r.path, "/bookings/") {
			id = booked.text("id")
		}
		strangers := map[string]as{"another provider": other, "another enterprise": otherEnterprise, "the other side": enterprise}
		if slices.Contains(r.roles, "enterprise") {
			strangers["the other side"] = owner
		}
		for name, who := range strangers {
			got := w.do(who, r.method, r.with(id), r.example())
			if got.status != 404 && (got.status != 403 || slices.Contains(r.roles, "enterprise")) {
				t.Errorf("%s by %s: %d\n%s", r, name, got.status, got.body)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d routes were tried", tried)
	}
	if after := count(); after != before {
		t.Errorf("%d events were appended", after-before)
	}
}

// TestTryItOutSendsNothingUnasked: /docs fills in the examples, so an optional parameter has none.
func TestTryItOutSendsNothingUnasked(t *testing.T) {
	w := start(t)
	for _, r := range w.routes() {
		for _, p := range r.op.Parameters {
			if v := p.Value; !v.Required && (v.Example != nil || len(v.Examples) > 0 || v.Schema.Value.Example != nil) {
				t.Errorf("%s: optional parameter %s has an example", r, v.Name)
			}
		}
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	w := start(t)
	for _, path := range []string{"/api/v1", "/docs/nothing.js/", "/api/v1/nothing", "/api/v2/products", "/docs/nothing.js", "/products", "/api/v1/products/", "//api/v1/products"} {
		w.do(as{}, "GET", path, nil).refuses(404, "unknown_route")
	}
	allowed := map[string][]string{}
	for _, r := range w.routes() {
		allowed[r.path] = append(allowed[r.path], r.method)
	}
	for path, methods := range allowed {
		for _, method := range []string{"PATCH", "TRACE", "DELETE", "POST", "HEAD", "WAYBILL"} {
			if slices.Contains(methods, method) || (method == "HEAD" && slices.Contains(methods, "GET")) {
				continue
			}
			got := w.do(as{}, method, (route{path: path}).with(uuid.NewString()), nil)
			if got.status != nethttp.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, got.status)
				continue
			}
			if slices.Contains(methods, "GET") != strings.Contains(got.header.Get("Allow"), "HEAD") {
				t.Errorf("%s %s: Allow %q", method, path, got.header.Get("Allow"))
			}
			for _, m := range methods {
				if !strings.Contains(got.header.Get("Allow"), m) {
					t.Errorf("%s %s: Allow %q lacks %s", method, path, got.header.Get("Allow"), m)
				}
			}
		}
	}
}
