package api_test

import (
	"context"
	"testing"

	"waybill/domain"
	"waybill/domain/account"
)

// TestExamplesAreRequests sends the example of every body to the real server: what /docs offers to send is not refused. Only the ids of
// the products that are booked and opened are others.
func TestExamplesAreRequests(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner, buyer := w.provider(reviewer), w.enterprise()
	product, _ := w.listed(owner, reviewer)
	applied := func() as {
		who := w.enterprise()
		w.do(who, "POST", "/api/v1/provider/application", w.profile()).is(201)
		return who
	}
	submitted := func() string { return w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id") }
	// The enterprise of the example, certified as the example says.
	example, _ := w.spec.Components.Examples["ProviderProfile"].Value.Value.(m)
	text := func(name string) string { s, _ := example[name].(string); return s }
	opened, err := w.commands.OpenAccount(context.Background(), w.request(), text("name"))
	if err != nil {
		t.Fatal(err)
	}
	certified := account.Enterprise{Name: text("name"), USCC: text("uscc"), LegalRepresentative: text("legal_representative")}
	if _, err := w.commands.CertifyAccount(context.Background(), w.request(), opened.ID, certified, "operator"); err != nil {
		t.Fatal(err)
	}
	enterprise := w.token(opened.ID, 1<<40, domain.RoleEnterprise)

	type ready struct {
		who as
		id  string
	}
	hooked := func(who as, role string) func() ready {
		return func() ready {
			return ready{who, w.do(who, "POST", "/api/v1/"+role+"/webhooks", m{"url": "https://erp.example.com/x"}).is(201).text("id")}
		}
	}
	prepare := map[string]func() ready{
		"applyAsProvider":   func() ready { return ready{enterprise, ""} },
		"reviseApplication": func() ready { return ready{enterprise, ""} },
		"submitProduct":     func() ready { return ready{owner, ""} },
		"reviseProduct":     func() ready { return ready{owner, submitted()} },
		"requestBooking":    func() ready { return ready{buyer, ""} },
		"replyToBooking": func() ready {
			return ready{owner, w.do(buyer, "POST", "/api/v1/bookings", inquiry(product)).is(201).text("id")}
		},
		"approveProduct":  func() ready { return ready{reviewer, submitted()} },
		"rejectProduct":   func() ready { return ready{reviewer, submitted()} },
		"approveProvider": func() ready { return ready{reviewer, applied().id.String()} },
		"rejectProvider":  func() ready { return ready{reviewer, applied().id.String()} },
		"claimProduct":    func() ready { return ready{reviewer, submitted()} },
		"claimProvider":   func() ready { return ready{reviewer, applied().id.String()} },
		"claimNext":       func() ready { return ready{reviewer, w.pending(owner)} },
		"takeOverProductClaim": func() ready {
			id := submitted()
			w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/claim", m{"revision": 1}).is(200)
			return ready{operator, id}
		},
		"takeOverProviderClaim": func() ready {
			id := applied().id.String()
			w.do(reviewer, "POST", "/api/v1/review/providers/"+id+"/claim", m{"revision": 1}).is(200)
			return ready{operator, id}
		},
		"revokeProductApproval": func() ready {
			id, _ := w.listed(owner, reviewer)
			return ready{reviewer, id}
		},
		"revokeProviderApproval": func() ready { return ready{reviewer, w.provider(reviewer).id.String()} },
		"suspendProvider":        func() ready { return ready{operator, w.provider(reviewer).id.String()} },
		"reinstateProvider": func() ready {
			id := w.provider(reviewer).id.String()
			w.do(operator, "POST", "/api/v1/operator/providers/"+id+"/suspend", m{"reason": "复核"}).is(200)
			return ready{operator, id}
		},
		"limitPins":       func() ready { return ready{operator, owner.id.String()} },
		"liftPinLimit":    func() ready { return ready{operator, owner.id.String()} },
		"closeProvider":   func() ready { return ready{operator, w.provider(reviewer).id.String()} },
		"decideMany":      func() ready { return ready{reviewer, ""} }, // what it names is not there, which each item says
		"registerWebhook": func() ready { return ready{operator, ""} },
		"changeWebhook":   hooked(operator, "operator"), "rotateWebhookSecret": hooked(operator, "operator"),
		"pauseWebhook": hooked(operator, "operator"), "removeWebhook": hooked(operator, "operator"),
		"registerOwnWebhook": func() ready { return ready{owner, ""} },
		"changeOwnWebhook":   hooked(owner, "provider"), "rotateOwnWebhookSecret": hooked(owner, "provider"),
		"pauseOwnWebhook": hooked(owner, "provider"), "removeOwnWebhook": hooked(owner, "provider"),
		"setReviewTexts": func() ready { return ready{operator, "image_unclear"} },
		"takeDownProduct": func() ready {
			id, _ := w.listed(owner, reviewer)
			return ready{operator, id}
		},
		"openRecord": func() ready {
			id := submitted()
			w.do(owner, "DELETE", "/api/v1/provider/products/"+id, nil).is(200)
			return ready{w.staff(domain.RoleAuditor), id}
		},
	}
	sent := map[string]bool{}
	for _, first := range []string{"applyAsProvider", ""} { // an application is there before it is revised
		for _, r := range w.routes() {
			id := r.op.OperationID
			if !r.takesJSON() || sent[id] || (first != "" && id != first) {
				continue
			}
			sent[id] = true
			if prepare[id] == nil {
				t.Errorf("%s: say here what it needs before its example can be sent", id)
				continue
			}
			body := r.example()
			if booking, ok := body.(m); ok && id == "requestBooking" {
				body = with(booking, "product_id", product)
			}
			at := prepare[id]()
			if opening, ok := body.(m); ok && id == "openRecord" {
				body = with(opening, "id", at.id)
			}
			if got := w.do(at.who, r.method, r.with(at.id), body); got.status != 200 && got.status != 201 {
				t.Errorf("%s: %d\n%s", id, got.status, got.body)
			}
		}
	}
	if len(sent) != len(prepare) {
		t.Errorf("%d of %d were sent", len(sent), len(prepare))
	}
}
