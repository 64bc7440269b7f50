package history_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/claim"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

// seen is an event as somebody would look for it who has the whole log in mind.
type seen struct {
	projections.Event
	provider uuid.UUID
	texts    []string
	reasons  []string
}

func (s *seen) is(f history.Filter) bool {
	at := s.Meta.At.Truncate(time.Microsecond)
	decision := map[string]history.Decision{
		"provider-approved.v1": history.Approved, "product-approved.v1": history.Approved, "provider-first-approved.v1": history.FirstApproved,
		"provider-rejected.v1": history.Rejected, "product-rejected.v1": history.Rejected,
		"provider-approval-revoked.v1": history.Revoked, "product-approval-revoked.v1": history.Revoked,
	}[s.Type]
	for _, word := range strings.Fields(strings.ToLower(f.Text)) {
		if !slices.ContainsFunc(s.texts, func(text string) bool { return strings.Contains(strings.ToLower(text), word) }) {
			return false
		}
	}
	return (f.Stream == "" || s.Stream == f.Stream) && (f.Kind == "" || s.Stream.Category() == f.Kind) && (f.Type == "" || s.Type == f.Type) &&
		(f.Role == "" || s.Meta.Actor.Role == f.Role) && (f.Decision == "" || decision == f.Decision) &&
		(f.Reason == "" || slices.Contains(s.reasons, f.Reason)) && (f.Actor == nil || s.Meta.Actor.ID == *f.Actor) &&
		(f.Provider == nil || s.provider == *f.Provider) && (f.EventID == nil || s.ID == *f.EventID) &&
		(f.CorrelationID == nil || s.Meta.CorrelationID == *f.CorrelationID) && (f.RequestID == "" || s.Meta.RequestID == f.RequestID) &&
		(f.From == nil || !at.Before(*f.From)) && (f.To == nil || at.Before(*f.To))
}

var words = []string{"三亚", "海运专线", "空运 Express", "曼谷", "亚", "运专", "cold chain", "链", "线空"}

func pick[T any](t *rapid.T, what string, from ...T) T { return rapid.SampledFrom(from).Draw(t, what) }

// searched is a log in which everything meets everything, or nearly nothing, and whose clock jumps.
func searched(t *rapid.T) (*modeltest.History, []seen) {
	h := modeltest.NewHistory()
	var all []seen
	owners, gone := map[uuid.UUID]uuid.UUID{}, map[uuid.UUID]bool{}
	text := func() string { return pick(t, "text", words...) + pick(t, "more", words...) }
	add := func(category string, id uuid.UUID, owner uuid.UUID, fact domain.Event, reasons []string, texts ...string) {
		h.Actor = domain.Actor{ID: domaintest.ID(pick(t, "actor", "a", "b", "c")), Role: pick(t, "role", domain.RoleReviewer, domain.RoleProvider, domain.RoleOperator)}
		jump := pick(t, "jump", time.Millisecond, time.Second, 50*time.Second, time.Hour, 30*time.Hour, -time.Second, -2*time.Minute, -40*time.Hour)
		h.At = h.At.Add(jump)
		h.AddAt(domain.Stream(category, id), h.At, fact)
		e := &h.Log[len(h.Log)-1]
		if n := len(h.Log) - 2; n >= 0 && rapid.Bool().Draw(t, "same request") {
			e.Meta.CorrelationID, e.Meta.RequestID = h.Log[n].Meta.CorrelationID, h.Log[n].Meta.RequestID
		}
		all = append(all, seen{*e, owner, texts, reasons})
	}
	rejection := func() ([]domain.Reason, []string, string) {
		note := pick(t, "note", "", text())
		var reasons []domain.Reason
		var codes []string
		for _, code := range []string{"misleading", "duplicate", "other"} {
			if rapid.Bool().Draw(t, code) || len(reasons) == 0 && code == "other" {
				reasons, codes = append(reasons, domain.Reason{Code: code, Note: note}), append(codes, code)
			}
		}
		return reasons, codes, note
	}
	for range rapid.IntRange(1, 25).Draw(t, "length") {
		v, p := domaintest.ID(pick(t, "provider", "v1", "v2")), domaintest.ID(pick(t, "product", "p1", "p2", "p3"))
		reasons, codes, note := rejection()
		content := product.Content{Name: text(), Brief: text(), Tags: []string{text()}}
		typed := []string{content.Name, content.Brief, content.Tags[0]}
		owner, known := owners[p]
		switch pick(t, "what", 0, 1, 2, 3, 4, 5, 6) {
		case 0:
			if !known && !gone[p] {
				owners[p] = v
				add("product", p, v, product.Submitted{ProviderID: v, Revision: 1, Content: content}, nil, typed...)
			}
		case 1:
			if known {
				add("product", p, owner, product.Rejected{Revision: 1, Reasons: reasons}, codes, note)
			}
		case 2:
			if known {
				add("product", p, owner, product.Approved{Revision: 1}, nil)
			}
		case 3:
			profile := provider.Profile{Name: text(), Contact: "不可查的人", Phone: "13800138000", Introduction: text()}
			if h.Next[domain.Stream("provider", v)] == 0 {
				add("provider", v, v, provider.Applied{Revision: 1, Profile: profile}, nil, profile.Name, profile.Introduction)
			} else {
				add("provider", v, v, provider.ApprovalRevoked{Revision: 1, Reasons: reasons}, codes, note)
			}
		case 4:
			if known {
				b := uuid.NewSHA1(p, []byte(fmt.Sprint(len(h.Log))))
				message := text()
				add("booking", b, owner, booking.Requested{ProductID: p, ProviderID: owner, Inquiry: booking.Inquiry{Message: message, Phone: "13800138000"}}, nil, message)
				reply := text()
				add("booking", b, owner, booking.Replied{Number: 1, Text: reply}, nil, reply)
				add("booking", b, owner, booking.Closed{Reason: booking.ProviderClosed}, []string{string(booking.ProviderClosed)})
			}
		case 5:
			if known {
				add("claim", p, owner, claim.Claimed{Kind: "product", Revision: 1}, nil)
				add("claim", p, owner, claim.TakenOver{Reason: note}, nil, note)
			}
		case 6:
			if known {
				delete(owners, p)
				gone[p] = true // its id is not used again
				add("product", p, owner, product.Deleted{}, nil)
				for i := range all {
					if all[i].Stream == domain.Stream("product", p) {
						all[i].texts = nil
					}
				}
			}
		}
	}
	return h, all
}

// emptied is Truncate of the history's own tables.
func emptied(t *rapid.T, pool *pgxpool.Pool) {
	var sql strings.Builder
	for _, table := range []string{"entries", "classes", "codes", "spans", "texts", "owners", "subjects"} {
		sql.WriteString("DELETE FROM " + history.Model.Schema + "." + table + ";")
	}
	if _, err := pool.Exec(context.Background(), sql.String()); err != nil {
		t.Fatal(err)
	}
}

// TestEveryFilterIsANaiveOne: whatever is asked for, in whatever pages and direction, is what somebody would pick out by hand; a count is
// theirs, too.
func TestEveryFilterIsANaiveOne(t *testing.T) {
	pool := modeltest.Tables(t)
	rapid.Check(t, func(t *rapid.T) {
		h, all := searched(t)
		emptied(t, pool)
		for start := 0; start < len(h.Log); {
			end := min(start+rapid.IntRange(1, 12).Draw(t, "batch"), len(h.Log))
			if err := modeltest.Apply(context.Background(), pool, history.Model, h.Log[start:end]); err != nil {
				t.Fatal(err)
			}
			start = end
		}
		if len(all) == 0 {
			return
		}
		for range 8 {
			e := all[rapid.IntRange(0, len(all)-1).Draw(t, "like")]
			f := history.Filter{Descending: rapid.Bool().Draw(t, "descending"), Limit: rapid.IntRange(1, 5).Draw(t, "limit"), Total: true}
			for i, set := range []func(){
				func() { f.Stream = e.Stream }, func() { f.Kind = e.Stream.Category() }, func() { f.Type = e.Type },
				func() { f.Role = e.Meta.Actor.Role }, func() { f.Actor = &e.Meta.Actor.ID }, func() { f.EventID = &e.ID },
				func() {
					f.Decision = pick(t, "of", history.Approved, history.Rejected, history.Revoked, history.FirstApproved)
				},
				func() { f.Reason = pick(t, "code", "misleading", "duplicate", "other", "provider_closed", "none") },
				func() { f.Provider = new(domaintest.ID(pick(t, "whose", "v1", "v2", "v3"))) },
				func() { f.CorrelationID = &e.Meta.CorrelationID }, func() { f.RequestID = e.Meta.RequestID },
				func() { f.From = new(e.Meta.At.Truncate(time.Microsecond)) },
				func() { f.To = new(e.Meta.At.Add(time.Minute).Truncate(time.Microsecond)) },
				func() {
					f.Text = pick(t, "word", words...) + pick(t, "glue", " ", "") + pick(t, "second", append(words, "")...)
				},
			} {
				if rapid.IntRange(0, 4).Draw(t, fmt.Sprint("filter ", i)) == 0 {
					set()
				}
			}
			var want, got []domain.Position
			for _, e := range all {
				if e.is(f) {
					want = append(want, e.Position)
				}
			}
			if f.Descending {
				slices.Reverse(want)
			}
			for _, e := range entries(t, pool, f) {
				got = append(got, e.Position)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%+v gives %v, want %v", f, got, want)
			}
			upTo := domain.Position(rapid.IntRange(0, len(all)).Draw(t, "up to"))
			exported(t, pool, f, all, upTo)
			page, err := history.Queries{DB: pool}.Query(context.Background(), f)
			if err != nil || page.Total.N != len(want) || page.Total.AtLeast {
				t.Fatalf("%+v: %d counted as %+v, %v", f, len(want), page.Total, err)
			}
		}
	})
}

// exported checks that an export has what is picked out by hand, up to a position, and tells how many rows that is.
func exported(t *rapid.T, pool *pgxpool.Pool, f history.Filter, all []seen, upTo domain.Position) {
	whole, err := history.Open(context.Background(), pool, f, &upTo)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	var want []seen
	for _, e := range all {
		if e.is(f) && e.Position <= upTo {
			want = append(want, e)
		}
	}
	for n, more := range map[int]bool{len(want): false, len(want) - 1: true} {
		if got, err := whole.More(context.Background(), n); n >= 0 && (err != nil || got != more) {
			t.Fatalf("%+v, up to %d: %d rows, more than %d: %t, %v", f, upTo, len(want), n, got, err)
		}
	}
	n := 0
	err = whole.Each(context.Background(), func(r *history.Row) error {
		if n == len(want) {
			t.Fatalf("%+v, up to %d: %d is too much", f, upTo, r.Position)
		}
		w := want[n]
		n++
		owner := uuid.Nil
		if p := r.Provider(); p != nil {
			owner = *p
		}
		got := fmt.Sprintf("%d %s %s-%s %d %s %s %s %s %s %s %s", r.Position, r.Type, r.Kind, r.SubjectID, r.Revision, r.EventID, r.ActorID, r.Role,
			r.At.UTC(), r.CorrelationID, r.RequestID, owner)
		if is := fmt.Sprintf("%d %s %s %d %s %s %s %s %s %s %s", w.Position, w.Type, w.Stream, w.Revision, w.ID, w.Meta.Actor.ID, w.Meta.Actor.Role,
			w.Meta.At.UTC().Truncate(time.Microsecond), w.Meta.CorrelationID, w.Meta.RequestID, w.provider); got != is {
			t.Fatalf("%+v: row\n%s, want\n%s", f, got, is)
		}
		return nil
	})
	if err != nil || n != len(want) || whole.Position() != upTo {
		t.Fatalf("%+v, up to %d: %d rows of %d, %v", f, upTo, n, len(want), err)
	}
}

// TestPositionAtATime: it is the position before the first event that is later, by a look at every event.
func TestPositionAtATime(t *testing.T) {
	pool := modeltest.Tables(t)
	rapid.Check(t, func(t *rapid.T) {
		h, _ := searched(t)
		emptied(t, pool)
		if err := modeltest.Apply(context.Background(), pool, history.Model, h.Log); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			at := modeltest.NewHistory().At
			if len(h.Log) > 0 {
				at = h.Log[rapid.IntRange(0, len(h.Log)-1).Draw(t, "event")].Meta.At
			}
			at = at.Add(pick(t, "beside", 0, time.Microsecond, -time.Microsecond, time.Second, -time.Hour, 100*time.Hour)).Truncate(time.Microsecond)
			want := domain.Position(len(h.Log))
			for i, e := range h.Log {
				if e.Meta.At.Truncate(time.Microsecond).After(at) {
					want = domain.Position(i)
					break
				}
			}
			got, err := history.Queries{DB: pool}.PositionAt(context.Background(), at)
			if err != nil || got != want {
				t.Fatalf("at %v: %d, %v; want %d", at, got, err, want)
			}
		}
	})
}
