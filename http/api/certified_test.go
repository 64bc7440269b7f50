package api_test

import (
	"context"
	"testing"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/projections/backoffice"
	"waybill/projections/review"
)

// TestCertifiedValuesAreShown: whoever is told that a form differs from the certificate sees what the certificate says, as it was
// when the form was compared with it, and as it is now when that is something else.
func TestCertifiedValuesAreShown(t *testing.T) {
	w := start(t)
	reviewer, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor)
	applicant := w.enterprise()
	form := with(w.profile(), "legal_representative", "陈海")
	certified := w.profile()["name"]
	applied := w.do(applicant, "POST", "/api/v1/provider/application", form).is(201)

	forReview := "/api/v1/review/providers/" + applicant.id.String()
	check := func(what string, got answer, was, now any) {
		t.Helper()
		if got.at("certified", "legal_representative") != was || got.at("certified_now", "legal_representative") != now {
			t.Errorf("%s: want certified %v, now %v\n%s", what, was, now, got.body)
		}
	}
	shown := w.do(reviewer, "GET", forReview, nil, "Waybill-Position", applied.position()).is(200)
	check("for review", shown, "陈海生", nil)
	if shown.text("item", "mismatches", 0) != "/legal_representative" || shown.at("certified", "name") != certified || shown.at("certified", "uscc") != w.uscc() {
		t.Errorf("for review: %s", shown.body)
	}
	own := w.do(applicant, "GET", "/api/v1/provider/application", nil, "Waybill-Position", applied.position()).is(200)
	check("own", own, "陈海生", nil)
	check("me", w.do(applicant, "GET", "/api/v1/me", nil).is(200), "陈海生", nil)

	// The authority corrects itself: the form is still what was compared with the old values.
	again := account.Enterprise{Name: w.profile()["name"].(string), USCC: w.uscc(), LegalRepresentative: "陈海"}
	if _, err := w.commands.CertifyAccount(context.Background(), w.request(), applicant.id, again, "operator"); err != nil {
		t.Fatal(err)
	}
	check("for review, certified again", w.do(reviewer, "GET", forReview, nil).is(200), "陈海生", "陈海")
	check("me, certified again", w.do(applicant, "GET", "/api/v1/me", nil).is(200), "陈海", nil)
	changed := w.do(applicant, "GET", "/api/v1/provider/application", nil, "If-None-Match", own.header.Get("ETag")).is(200)
	check("own, certified again", changed, "陈海生", "陈海")
	w.do(applicant, "GET", "/api/v1/provider/application", nil, "If-None-Match", changed.header.Get("ETag")).is(304)

	// The next revision is compared with the new ones; the one before keeps its own.
	for _, tag := range []string{`"1-x"`, `"00"`, `7-00000000`, `"-1"`} {
		if got := w.do(applicant, "PUT", "/api/v1/provider/application", form, "If-Match", tag); got.status != 412 && got.status != 422 {
			t.Errorf("If-Match %s: %d", tag, got.status)
		}
	}
	revised := w.do(applicant, "PUT", "/api/v1/provider/application", form, "If-Match", changed.header.Get("ETag")).is(200)
	latest := w.do(reviewer, "GET", forReview, nil, "Waybill-Position", revised.position()).is(200)
	check("for review, revised", latest, "陈海", nil)
	if latest.count("item", "mismatches") != 0 {
		t.Errorf("revised: %s", latest.body)
	}
	check("the first revision", w.do(reviewer, "GET", forReview+"?revision=1", nil).is(200), "陈海生", "陈海")
	events := w.do(auditor, "GET", "/api/v1/audit/events?type=provider-applied.v1", nil, "Waybill-Position", revised.position()).is(200)
	var found bool
	for i := range events.count("items", 0, "changes") {
		found = found || (events.text("items", 0, "changes", i, "field") == "/certified" &&
			events.text("items", 0, "changes", i, "after", "legal_representative") == "陈海生")
	}
	if !found {
		t.Errorf("the history does not say what was compared: %s", events.body)
	}
}

// TestCertifiedValuesOfOldSubmissions: events from before the certified values were recorded are shown with those of their time.
func TestCertifiedValuesOfOldSubmissions(t *testing.T) {
	w := start(t)
	applicant := w.enterprise()
	applied := w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	reviewer := w.staff(domain.RoleReviewer)
	w.do(reviewer, "GET", "/api/v1/review/providers/"+applicant.id.String(), nil, "Waybill-Position", applied.position()).is(200)
	w.do(applicant, "GET", "/api/v1/provider/application", nil, "Waybill-Position", applied.position()).is(200)
	for _, table := range []string{review.Model.Schema + ".submissions", backoffice.Model.Schema + ".applications"} {
		if _, err := w.pool.Exec(t.Context(), `UPDATE `+table+` SET certified = NULL`); err != nil {
			t.Fatal(err)
		}
	}
	again := account.Enterprise{Name: w.profile()["name"].(string), USCC: w.uscc(), LegalRepresentative: "符海"}
	if _, err := w.commands.CertifyAccount(context.Background(), w.request(), applicant.id, again, "operator"); err != nil {
		t.Fatal(err)
	}
	for path, who := range map[string]as{"/api/v1/provider/application": applicant, "/api/v1/review/providers/" + applicant.id.String(): reviewer} {
		got := w.do(who, "GET", path, nil).is(200)
		if got.text("certified", "legal_representative") != "陈海生" || got.text("certified_now", "legal_representative") != "符海" {
			t.Errorf("%s: %s", path, got.body)
		}
	}
}
