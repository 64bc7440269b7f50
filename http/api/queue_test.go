package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/workdays"
)

// TestTheQueueIsFiltered: each filter through the API, with what rows say about claims, rounds, what is live and when they are due.
func TestTheQueueIsFiltered(t *testing.T) {
	w := start(t)
	reviewer, other := w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer)
	today := workdays.DayOf(time.Now()) // of the first submission, or the day before
	owner := w.provider(reviewer)
	const queue = "/api/v1/review/queue"
	submit := func() string { return w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id") }
	decide := func(id, how string, body m) { w.do(reviewer, "POST", "/api/v1/review/products/"+id+how, body).is(200) }
	revise := func(id string) {
		w.do(owner, "PUT", "/api/v1/provider/products/"+id, with(content(), "name", "三亚至海防海运整箱")).is(200)
	}
	reasons := []m{{"code": "other", "note": "请补充"}}

	claimed, again, revoked := submit(), submit(), submit()
	decide(again, "/reject", m{"revision": 1, "reasons": reasons})
	revise(again)
	decide(revoked, "/approve", m{"revision": 1, "note": "与电话核实一致"})
	decide(revoked, "/revoke-approval", m{"revision": 1, "reasons": reasons})
	live, _ := w.listed(owner, reviewer)
	revise(live)
	applicant := w.enterprise()
	w.do(applicant, "POST", "/api/v1/provider/application", with(w.profile(), "name", "三亚海丰")).is(201)
	held := w.do(reviewer, "POST", "/api/v1/review/products/"+claimed+"/claim", m{"revision": 1}).is(200)

	get := func(who as, path string) answer {
		return w.do(who, "GET", path, nil, "Waybill-Position", held.position()).is(200)
	}
	soon, late := today.Start().UTC().Format(time.RFC3339), (today + 60).Start().UTC().Format(time.RFC3339)
	person := applicant.id.String()
	for query, want := range map[string][]string{
		"":                                      {claimed, again, revoked, live, person},
		"kind=product":                          {claimed, again, revoked, live},
		"kind=provider":                         {person},
		"younger_than=" + soon:                  {claimed, again, revoked, live, person},
		"older_than=" + soon:                    nil,
		"due_before=" + soon:                    nil,
		"due_after=" + late:                     nil,
		"due_before=" + late + "&kind=provider": {person},
		"overdue=true":                          nil,
		"overdue=false&kind=provider":           {person},
		"submitter=" + owner.id.String():        {claimed, again, revoked, live},
		"provider=" + person:                    {person},
		"subject=" + live:                       {live},
		"provider_type=logistics":               {claimed, again, revoked, live, person},
		"provider_type=none":                    nil,
		"flag=mismatch":                         {person},
		"flag=resubmitted":                      {again},
		"flag=revoked":                          {revoked},
		"flag=taken_down":                       nil,
		"flag=first_approved":                   nil,
		"flag=claimed":                          {claimed},
		"flag=mine":                             {claimed},
		"flag=unclaimed":                        {again, revoked, live, person},
		"flag=unclaimed&flag=resubmitted":       {again},
		"state=decided&subject=" + live:         {live},
		"state=rejected":                        {again},
		"state=approved&overdue=true":           nil,
	} {
		got := get(reviewer, queue+"?total=true&"+query)
		var ids []string
		for i := range got.count("items") {
			ids = append(ids, got.text("items", i, "id"))
		}
		if !slices.Equal(ids, want) || got.at("total") != float64(len(want)) {
			t.Errorf("%s: got %v, want %v", query, ids, want)
		}
	}
	if got := get(other, queue+"?flag=mine"); got.count("items") != 0 {
		t.Errorf("what somebody else holds is mine: %s", got.body)
	}

	row := get(reviewer, queue+"?subject="+claimed)
	submitted, err := time.Parse(time.RFC3339, row.text("items", 0, "submitted_at"))
	if err != nil {
		t.Fatal(err)
	}
	due := workdays.Standard().Due(submitted, workdays.ForProduct)
	if got := row.text("items", 0, "due_at"); got != due.At.UTC().Format("2006-01-02T15:04:05.000000Z") ||
		row.at("items", 0, "due_calendar") != string(due.Calendar) || row.at("items", 0, "overdue") != nil || row.at("items", 0, "overdue_by") != nil {
		t.Errorf("due at %s\n%s", due.At, row.body)
	}
	if row.text("items", 0, "claim", "reviewer") != reviewer.id.String() || row.text("items", 0, "claim", "id") != held.text("claim") ||
		row.at("items", 0, "round") != 1.0 || row.text("items", 0, "submitted_by") != owner.id.String() {
		t.Errorf("claimed: %s, held %s", row.body, held.body)
	}
	if got := get(reviewer, queue+"?subject="+again); got.at("items", 0, "round") != 2.0 || got.at("items", 0, "live_revision") != nil {
		t.Errorf("submitted again: %s", got.body)
	}
	if got := get(reviewer, queue+"?subject="+revoked); got.text("items", 0, "revocation", "reasons", 0, "note") != "请补充" ||
		got.at("items", 0, "decided_at") != nil || got.at("items", 0, "note") != nil {
		t.Errorf("revoked: %s", got.body)
	}
	if got := get(reviewer, queue+"?subject="+live); got.at("items", 0, "live_revision") != 1.0 {
		t.Errorf("live: %s", got.body)
	}
	for _, query := range []string{"due_before=" + soon, "due_after=" + soon, "flag=mine", "flag=taken_down"} {
		got := w.do(reviewer, "GET", queue+"?state=decided&"+query, nil).refuses(422, "invalid_input")
		if name, _, _ := strings.Cut(query, "="); got.mistakes()[name] != "only_pending" {
			t.Errorf("%s: %s", query, got.body)
		}
	}

	counts := get(reviewer, "/api/v1/review/counts")
	for i, want := range []m{
		{"kind": "product", "pending": 4.0, "overdue": 0.0, "claimed": 1.0, "approved": 1.0, "rejected": 1.0, "superseded": 0.0},
		{"kind": "provider", "pending": 1.0, "overdue": 0.0, "claimed": 0.0, "approved": 1.0, "rejected": 0.0, "superseded": 0.0},
	} {
		for name, value := range want {
			if got := counts.at("items", i, name); got != value {
				t.Errorf("counts of %v: %s is %v, want %v", want["kind"], name, got, value)
			}
		}
	}
}

// TestWhatIsShownHasTheDigest: the digest is that of the very bytes that a reviewer reads, beside what is live.
func TestWhatIsShownHasTheDigest(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	id, _ := w.listed(owner, reviewer)
	odd := with(content(), "brief", `每周三 <b>"开航"</b> & 更多`)
	revised := w.do(owner, "PUT", "/api/v1/provider/products/"+id, odd).is(200)
	check := func(path, field string) map[string]json.RawMessage {
		t.Helper()
		got := w.do(reviewer, "GET", path, nil, "Waybill-Position", revised.position()).is(200)
		var shown map[string]json.RawMessage
		if err := json.Unmarshal(got.body, &shown); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(shown[field])
		if got.text("digest") != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: the digest of %s is %x, not %s", path, shown[field], sum, got.text("digest"))
		}
		return shown
	}
	latest := check("/api/v1/review/products/"+id, "content")
	first := check("/api/v1/review/products/"+id+"?revision=1", "content")
	if string(latest["live_content"]) != string(first["content"]) || string(latest["content"]) == string(first["content"]) {
		t.Errorf("live: %s\nfirst: %s", latest["live_content"], first["content"])
	}
	application := check("/api/v1/review/providers/"+owner.id.String(), "profile")
	if string(application["live_profile"]) != string(application["profile"]) {
		t.Errorf("an approved profile is not live: %s", application["live_profile"])
	}
	digest := w.do(reviewer, "GET", "/api/v1/review/products/"+id, nil).is(200).text("digest")
	w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 2, "digest": digest}).is(200)
}
