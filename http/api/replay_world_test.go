package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
)

// TestReplayOfARandomWorld: whatever happened, the state at every revision, position and time is what a fold of the events says that is
// written here and knows nothing of the domain's; steps lead to each other; each timeline's values follow from one another; and the
// difference of any two states leads from either to the other. So it is of what was deleted, once it is open.
func TestReplayOfARandomWorld(t *testing.T) {
	w := start(t)
	r := rand.New(rand.NewPCG(46, 2026))
	lives(w, r, 400)
	auditor := w.staff(domain.RoleAuditor)
	streams := recorded(t, w)
	steps, deleted, nameless, types := 0, 0, 0, map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		stream := domain.StreamName(name)
		kind := stream.Category()
		if !slices.Contains([]string{"account", "provider", "product", "booking"}, kind) {
			continue
		}
		id := strings.TrimPrefix(name, kind+"-")
		base := "/api/v1/audit/" + kind + "/" + id
		events := streams[name]
		for _, e := range events {
			types[e.Type]++
		}
		if steps += len(events); events[len(events)-1].Type == "product-deleted.v1" {
			deleted++
			for _, path := range []string{"?revision=0", "", "/timeline", "/changes?from=0&to=0", "/decisions/" + uuid.NewString()} {
				w.do(auditor, "GET", base+path, nil).refuses(403, "opening_needed")
			}
			w.do(auditor, "POST", "/api/v1/audit/openings", m{"kind": kind, "id": id, "reason": "复核"}).is(201)
		}
		states := foldOf(t, kind, events)
		if kind == "booking" {
			nameless += withoutName(states, streams)
		}
		for i, e := range events {
			got := w.do(auditor, "GET", fmt.Sprintf("%s?revision=%d", base, i), nil).is(200)
			same(t, got, states[i], e)
			checkLinks(t, w, auditor, got, base, i, len(events))
			same(t, w.do(auditor, "GET", fmt.Sprintf("%s?position=%d", base, e.Position), nil).is(200), states[i], e)
		}
		checkBounds(t, w, auditor, r, base, events, states)
		checkTimeline(t, w, auditor, base, events, r.IntN(6)+2)
		for range 6 {
			checkChanges(t, w, auditor, base, states, r.IntN(len(states)), r.IntN(len(states)))
		}
	}
	if steps < 120 || deleted < 2 || len(types) < 20 || nameless < 2 {
		t.Errorf("the world is too small: %d steps, %d deleted, %d without a name, %v", steps, deleted, nameless, types)
	}
}

// lives lets a few people do this and that, under a clock that sometimes goes back a little.
func lives(w *world, r *rand.Rand, turns int) {
	w.t.Helper()
	ctx := context.Background()
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	var owners []uuid.UUID
	for range 2 {
		owners = append(owners, w.provider(reviewer).id)
	}
	buyer := w.enterprise().id
	var products, bookings []uuid.UUID
	as := func(id uuid.UUID, role domain.Role) commands.Request {
		req := w.request()
		req.Actor = domain.Actor{ID: id, Role: role}
		return req
	}
	one := func(ids []uuid.UUID) uuid.UUID { return ids[r.IntN(len(ids))] }
	reasons := []domain.Reason{{Code: "other", Field: "/name", Note: "请重写"}}
	for range turns {
		w.ahead.Add(int64(time.Duration(r.IntN(600)-30) * time.Minute / 10))
		owner := one(owners)
		c := domaintest.Content([]string{"海运专线", "空运专线", "2026-03-02T08:00:00.123456789Z"}[r.IntN(3)])
		c.Tags = [][]string{nil, {"拼箱"}, {"拼箱", "冷链"}, {"冷链", "拼箱", "RCEP"}}[r.IntN(4)]
		if len(products) < 3 {
			if out, err := w.commands.SubmitProduct(ctx, as(owner, domain.RoleProvider), c); err == nil {
				products = append(products, out.ID)
			}
			continue
		}
		p := one(products)
		replayed, err := w.commands.Replay(ctx, domain.Stream(product.Category, p), commands.Until{})
		if err != nil {
			w.t.Fatal(err)
		}
		now, _ := replayed.State.(product.State)
		by := as(now.ProviderID, domain.RoleProvider)
		latest := commands.Decision{Revision: now.Revision, Note: []string{"", "电话核实过"}[r.IntN(2)]}
		refused := latest
		refused.Reasons = reasons
		live := commands.Decision{Revision: now.ApprovedRevision, Reasons: reasons}
		turn := r.IntN(20)
		if now.Review == domain.ReviewPending && r.IntN(2) == 0 {
			turn = 3 + r.IntN(4) // what waits is decided on
		}
		switch turn {
		case 0, 1, 2:
			_, err = w.commands.ReviseProduct(ctx, by, p, c)
		case 3, 4, 5:
			_, err = w.commands.ApproveProduct(ctx, as(reviewer.id, domain.RoleReviewer), p, latest)
		case 6:
			_, err = w.commands.RejectProduct(ctx, as(reviewer.id, domain.RoleReviewer), p, refused)
		case 7:
			_, err = w.commands.RevokeProductApproval(ctx, as(reviewer.id, domain.RoleReviewer), p, live)
		case 8:
			_, err = w.commands.PublishProduct(ctx, by, p)
		case 9:
			_, err = w.commands.UnpublishProduct(ctx, by, p)
		case 10:
			_, err = w.commands.PinProduct(ctx, by, p)
		case 11:
			_, err = w.commands.UnpinProduct(ctx, by, p)
		case 12:
			_, err = w.commands.TakeDownProduct(ctx, as(operator.id, domain.RoleOperator), p, "投诉属实")
		case 13:
			if r.IntN(5) == 0 {
				_, err = w.commands.DeleteProduct(ctx, by, p)
				products = slices.DeleteFunc(products, func(id uuid.UUID) bool { return id == p })
			}
		case 14, 15:
			var out commands.Outcome[booking.State]
			if out, err = w.commands.RequestBooking(ctx, as(buyer, domain.RoleEnterprise), p, domaintest.Inquiry("请报价")); err == nil {
				bookings = append(bookings, out.ID)
			}
		case 16:
			if len(bookings) > 0 {
				_, err = w.commands.ReplyToBooking(ctx, by, one(bookings), "可以。")
			}
		case 17:
			if len(bookings) > 0 {
				_, err = w.commands.MarkBookingRead(ctx, as(buyer, domain.RoleEnterprise), one(bookings))
			}
		case 18:
			if r.IntN(3) == 0 {
				_, err = w.commands.SuspendProvider(ctx, as(operator.id, domain.RoleOperator), owner, "核查")
			} else {
				_, err = w.commands.ReinstateProvider(ctx, as(operator.id, domain.RoleOperator), owner, "核查完毕")
			}
		case 19:
			if r.IntN(2) == 0 {
				_, err = w.commands.GrantRole(ctx, as(operator.id, domain.RoleOperator), buyer, domain.RoleReviewer)
			} else {
				_, err = w.commands.RevokeRole(ctx, as(operator.id, domain.RoleOperator), buyer, domain.RoleReviewer, "离岗")
			}
		}
		var no *domain.Error
		if err != nil && !asRefusal(err, &no) {
			w.t.Fatal(err)
		}
	}
}

func asRefusal(err error, into **domain.Error) bool {
	e, ok := err.(*domain.Error) //nolint:errorlint // commands return it as it is
	*into = e
	return ok
}

// recorded are all events of the log, by stream.
func recorded(t *testing.T, w *world) map[string][]domain.RecordedEvent {
	t.Helper()
	streams := map[string][]domain.RecordedEvent{}
	for e, err := range w.store.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		streams[string(e.Stream)] = append(streams[string(e.Stream)], e)
	}
	return streams
}

// same holds an answer against the state that the fold says, and the event that made it.
func same(t *testing.T, got answer, state m, e domain.RecordedEvent) {
	t.Helper()
	if !reflect.DeepEqual(got.at("state"), any(state)) {
		t.Fatalf("%s: state\n%v\nwant\n%v", got.what, got.at("state"), state)
	}
	meta, err := e.DecodeMetadata()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintln(e.ID, e.Type, e.Revision, e.Position, meta.Actor.ID, meta.Actor.Role, meta.CorrelationID, shownTime(meta.At))
	said := fmt.Sprintln(got.text("event", "id"), got.text("event", "type"), got.number("event", "revision"), got.number("event", "position"),
		got.text("event", "actor", "id"), got.text("event", "actor", "role"), got.text("event", "correlation_id"), got.text("event", "at"))
	if said != want {
		t.Fatalf("%s: event\n%s\nwant\n%s", got.what, said, want)
	}
	if data := withTimes(tree(t, e.Data)); !reflect.DeepEqual(got.at("event", "data"), any(data)) {
		// Of a booking about what was deleted the name is left out; the fold has it so, too.
		if name, _ := data["product_name"].(string); name == "" || got.at("blanked") != true {
			t.Fatalf("%s: data\n%v\nwant\n%v", got.what, got.at("event", "data"), data)
		}
	}
}

func shownTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }

// withTimes writes the times that events hold as answers have them; they are called until, expires_at, and at within due.
func withTimes(data m) m {
	for name, value := range data {
		text, _ := value.(string)
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil && (name == "at" || name == "expires_at") {
			data[name] = shownTime(at)
		}
		if due, ok := value.(m); ok && name == "due" {
			withTimes(due)
		}
	}
	return data
}

func tree(t *testing.T, raw []byte) m {
	t.Helper()
	var v m
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func checkLinks(t *testing.T, w *world, auditor as, got answer, base string, i, n int) {
	t.Helper()
	link := func(j int) string {
		if j < 0 || j >= n {
			return ""
		}
		return fmt.Sprintf("%s?revision=%d", base, j)
	}
	if got.text("previous") != link(i-1) || got.text("next") != link(i+1) || got.text("timeline") != base+"/timeline" {
		t.Fatalf("%s: %q, %q, %q", got.what, got.text("previous"), got.text("next"), got.text("timeline"))
	}
	if next := got.text("next"); next != "" && i == 0 && w.do(auditor, "GET", next, nil).is(200).text("previous") != link(0) {
		t.Fatalf("%s does not lead back", next)
	}
	decides := slices.ContainsFunc([]string{"approved", "rejected", "revoked"}, func(word string) bool {
		return strings.HasSuffix(got.text("event", "type"), word+".v1")
	}) && (strings.HasPrefix(got.text("event", "type"), "product-") || strings.HasPrefix(got.text("event", "type"), "provider-"))
	if decides != (got.text("decision") != "") {
		t.Fatalf("%s: decision %q", got.what, got.text("decision"))
	}
	if decides {
		made := w.do(auditor, "GET", got.text("decision"), nil).is(200)
		if made.text("event", "id") != got.text("event", "id") {
			t.Fatalf("%s is another decision", got.text("decision"))
		}
	}
}

// checkBounds tries positions and times between the events, before the first and after the last.
func checkBounds(t *testing.T, w *world, auditor as, r *rand.Rand, base string, events []domain.RecordedEvent, states []m) {
	t.Helper()
	try := func(query string, reached int) {
		t.Helper()
		got := w.do(auditor, "GET", base+"?"+query, nil)
		if reached < 0 {
			got.refuses(404, "not_found")
			return
		}
		same(t, got.is(200), states[reached], events[reached])
	}
	try(fmt.Sprintf("revision=%d", len(events)), -1)
	try(fmt.Sprintf("position=%d", events[0].Position-1), -1)
	try("position="+w.last(), len(events)-1)
	w.do(auditor, "GET", base+"?position=9223372036854775807", nil).refuses(503, "read_model_behind")
	head, err := strconv.Atoi(w.last())
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) time.Time {
		meta, err := events[i].DecodeMetadata()
		if err != nil {
			t.Fatal(err)
		}
		return meta.At.Truncate(time.Microsecond)
	}
	for range 5 {
		i := r.IntN(len(events))
		position := min(int(events[i].Position)+r.IntN(5)-2, head)
		reached := -1
		for j := range events {
			if int(events[j].Position) <= position {
				reached = j
			}
		}
		try("position="+strconv.Itoa(max(position, 0)), reached)
		then := at(i).Add(time.Duration(r.IntN(3)-1) * time.Microsecond)
		reached = -1
		for j := range events {
			if at(j).After(then) {
				break
			}
			reached = j
		}
		try("at="+url.QueryEscape(shownTime(then)), reached)
	}
}

// checkTimeline reads a timeline page by page, both ways.
func checkTimeline(t *testing.T, w *world, auditor as, base string, events []domain.RecordedEvent, size int) {
	t.Helper()
	position := strconv.FormatUint(uint64(events[len(events)-1].Position), 10)
	read := func(order string) []m {
		var all []m
		query := url.Values{"order": {order}, "limit": {strconv.Itoa(size)}, "total": {"true"}}
		for {
			got := w.do(auditor, "GET", base+"/timeline?"+query.Encode(), nil, "Waybill-Position", position).is(200)
			if got.number("total") != len(events) {
				t.Fatalf("%s: %s", got.what, got.body)
			}
			items, _ := got.at("items").([]any)
			for _, item := range items {
				one, _ := item.(m)
				all = append(all, one)
			}
			if query.Set("cursor", got.text("next_cursor")); query.Get("cursor") == "" {
				return all
			}
		}
	}
	up, down := read("asc"), read("desc")
	if slices.Reverse(down); !reflect.DeepEqual(up, down) || len(up) != len(events) {
		t.Fatalf("%s: %d steps up, %d down, of %d", base, len(up), len(down), len(events))
	}
	values := map[string]any{}
	for i, step := range up {
		if step["id"] != events[i].ID.String() || step["blanked"] != false {
			t.Fatalf("%s: step %d is %v", base, i, step)
		}
		changes, _ := step["changes"].([]any)
		for _, change := range changes {
			c, _ := change.(m)
			field, _ := c["field"].(string)
			if strings.HasPrefix(field, "/content/destination/p") || strings.Count(field, "/") == 1 && once[field] {
				continue // said again and again
			}
			if before, known := values[field]; known && !reflect.DeepEqual(before, c["before"]) || !known && !blank(c["before"]) {
				t.Fatalf("%s: step %d changes %s from %v, which was %v", base, i, field, c["before"], before)
			}
			values[field] = c["after"]
		}
	}
}

// once are what an event says beside what it changes.
var once = map[string]bool{
	"/note": true, "/seen": true, "/rules": true, "/findings": true, "/provider_id": true, "/product_id": true, "/enterprise_id": true,
	"/certified": true, "/mismatches": true, "/source": true, "/token": true, "/display_name": true,
}

func blank(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0 || !ok && (v == nil || v == "" || v == false || v == float64(0))
}

// checkChanges makes the differences of two states on one, which must give the other, both ways.
func checkChanges(t *testing.T, w *world, auditor as, base string, states []m, from, to int) {
	t.Helper()
	for _, way := range [][2]int{{from, to}, {to, from}} {
		got := w.do(auditor, "GET", fmt.Sprintf("%s/changes?from=%d&to=%d", base, way[0], way[1]), nil).is(200)
		// The same ends by their positions are the same points.
		by := func(end string) string { return fmt.Sprintf("%.0f", got.at(end, "position")) }
		again := w.do(auditor, "GET", fmt.Sprintf("%s/changes?from_position=%s&to_position=%s", base, by("from"), by("to")), nil).is(200)
		if !bytes.Equal(again.body, got.body) {
			t.Errorf("by positions: %s, by revisions %s", again.body, got.body)
		}
		raw, err := json.Marshal(states[way[0]])
		if err != nil {
			t.Fatal(err)
		}
		is := tree(t, raw)
		changes, _ := got.at("changes").([]any)
		var pointers []string
		for _, change := range changes {
			c, _ := change.(m)
			pointer, _ := c["pointer"].(string)
			pointers = append(pointers, pointer)
			within, name := is, pointer[strings.LastIndexByte(pointer, '/')+1:]
			for _, step := range strings.Split(strings.TrimSuffix(pointer, "/"+name), "/")[1:] {
				within, _ = within[step].(m)
			}
			if before, was := c["before"]; !reflect.DeepEqual(within[name], before) || was != has(within, name) {
				t.Fatalf("%s: %s was %v, not %v", got.what, pointer, within[name], before)
			}
			if after, is := c["after"]; is {
				within[name] = after
			} else {
				delete(within, name)
			}
		}
		if !reflect.DeepEqual(is, states[way[1]]) || !slices.IsSorted(pointers) {
			t.Fatalf("%s: made on %v they give\n%v\nwant\n%v", got.body, states[way[0]], is, states[way[1]])
		}
	}
}

func has(object m, name string) bool {
	_, ok := object[name]
	return ok
}

// foldOf is what a stream's events say, of their JSON alone, as the state is shown after each.
func foldOf(t *testing.T, kind string, events []domain.RecordedEvent) []m {
	t.Helper()
	var states []m
	s := m{}
	for _, e := range events {
		next := maps.Clone(s)
		what := strings.TrimSuffix(strings.TrimPrefix(e.Type, kind+"-"), ".v1")
		data := withTimes(tree(t, e.Data))
		switch kind {
		case "product":
			foldProduct(next, what, data)
		case "provider":
			foldProvider(next, what, data)
		case "booking":
			foldBooking(next, what, data)
		case "account":
			foldAccount(next, what, data)
		}
		s = next
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, tree(t, bytes.Clone(raw)))
	}
	return states
}

// withoutName takes out of a booking's states the name of what was asked about, if that was deleted.
func withoutName(states []m, streams map[string][]domain.RecordedEvent) (found int) {
	for _, s := range states {
		request, _ := s["request"].(m)
		about := streams["product-"+fmt.Sprint(request["product_id"])]
		if about[len(about)-1].Type == "product-deleted.v1" {
			request["product_name"] = ""
			found++
		}
	}
	return found
}

var noContent = m{
	"name": "", "brief": "", "tags": nil, "mode": "", "cover": "", "details": nil,
	"destination": m{"country": "", "city": "", "latitude": 0, "longitude": 0, "crs": ""},
}

func take(s, data m, names ...string) {
	for _, name := range names {
		delete(s, name)
		if value, ok := data[name]; ok {
			s[name] = value
		}
	}
}

func foldDecision(s m, what string, data m, none m) {
	switch what {
	case "approved":
		s["review"], s["approved_revision"], s["approved"] = "approved", data["revision"], s["latest"]
		delete(s, "approved_seen")
		if seen, ok := data["seen"]; ok {
			s["approved_seen"] = seen
		}
		delete(s, "revoked")
	case "rejected":
		s["review"] = "rejected"
		take(s, data, "reasons")
	case "approval-revoked":
		if data["revision"] == s["revision"] {
			s["review"] = "pending"
			take(s, data, "due")
		}
		s["approved_revision"], s["approved"] = 0, none
		delete(s, "approved_seen")
		s["revoked"] = m{"revision": data["revision"], "reasons": data["reasons"]}
	}
}

func foldProduct(s m, what string, data m) {
	foldDecision(s, what, data, noContent)
	switch what {
	case "submitted", "revised":
		if what == "submitted" {
			s["provider_id"], s["approved_revision"], s["approved"] = data["provider_id"], 0, noContent
			s["listed"], s["pinned"], s["deleted"] = false, false, false
		}
		s["revision"], s["review"], s["latest"] = data["revision"], "pending", data["content"]
		take(s, data, "rules", "findings", "images", "place", "point", "due")
		delete(s, "reasons")
	case "approved":
		if down, ok := s["taken_down"].(m); ok && number(data["revision"]) > number(down["revision"]) {
			delete(s, "taken_down")
		}
	case "approval-revoked":
		s["listed"], s["pinned"] = false, false
	case "listed", "unlisted":
		s["listed"] = what == "listed"
	case "pinned", "unpinned":
		s["pinned"] = what == "pinned"
	case "taken-down":
		s["listed"], s["taken_down"] = false, m{"reason": data["reason"], "revision": data["revision"]}
	case "deleted":
		for name := range s {
			if !slices.Contains([]string{"provider_id", "revision", "review", "approved_revision"}, name) {
				delete(s, name)
			}
		}
		s["latest"], s["approved"] = noContent, noContent
		s["deleted"], s["listed"], s["pinned"] = true, false, false
	}
}

func number(v any) float64 {
	n, _ := v.(float64)
	return n
}

func foldProvider(s m, what string, data m) {
	none := m{}
	for _, name := range []string{
		"type", "name", "uscc", "licence", "legal_representative", "contact", "address", "phone", "logo", "introduction",
	} {
		none[name] = ""
	}
	foldDecision(s, what, data, none)
	switch what {
	case "applied", "revised":
		if what == "applied" {
			s["standing"], s["approved_revision"], s["approved"] = "applicant", 0, none
		}
		s["revision"], s["review"], s["latest"] = data["revision"], "pending", data["profile"]
		take(s, data, "rules", "findings", "images", "mismatches", "due")
		delete(s, "reasons")
	case "approved":
		if s["standing"] == "applicant" {
			s["standing"] = "active"
		}
	case "suspended":
		s["standing"], s["standing_reason"] = "suspended", data["reason"]
	case "reinstated":
		s["standing"] = "active"
		delete(s, "standing_reason")
	}
}

func foldBooking(s m, what string, data m) {
	switch what {
	case "requested":
		s["status"], s["request"], s["read_number"] = "awaiting_reply", data, 0
	case "replied":
		replies, _ := s["replies"].([]any)
		s["status"], s["replies"] = "replied", append(slices.Clone(replies), data["text"])
	case "read":
		s["read_number"] = data["number"]
	case "closed":
		replies, _ := s["replies"].([]any)
		s["status"], s["close_reason"] = "closed", data["reason"]
		if said := booking.ProductDeleted.SystemReply(); data["reason"] == "product_deleted" && said != "" {
			s["replies"] = append(slices.Clone(replies), said)
		}
	}
}

func foldAccount(s m, what string, data m) {
	roles, _ := s["roles"].([]any)
	switch what {
	case "opened":
		s["exists"], s["display_name"], s["closed"] = true, data["display_name"], false
	case "certified":
		s["enterprise"] = data["enterprise"]
	case "role-granted":
		s["roles"] = append(slices.Clone(roles), data["role"])
	case "role-revoked":
		if roles = slices.DeleteFunc(slices.Clone(roles), func(r any) bool { return r == data["role"] }); len(roles) == 0 {
			delete(s, "roles")
		} else {
			s["roles"] = roles
		}
	}
}
