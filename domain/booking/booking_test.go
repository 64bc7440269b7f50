package booking_test

import (
	"strings"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/decidertest"
	"waybill/domain/domaintest"
)

var (
	owner, enterprise, stranger = domaintest.Owner, domaintest.Buyer, domaintest.Stranger

	now = time.Date(2026, 11, 23, 15, 59, 0, 0, time.UTC) // 23:59 in Beijing
)

func inquiry() booking.Inquiry { return snapshot().Inquiry }

func snapshot() booking.Requested { return domaintest.Requested(domaintest.ID("product")) }

func history(then ...domain.Event) []domain.Event { return append([]domain.Event{snapshot()}, then...) }

func TestProcess(t *testing.T) {
	uncertified, own, empty := snapshot(), snapshot(), snapshot()
	uncertified.EnterpriseName = ""
	own.EnterpriseID = owner
	empty.Inquiry = booking.Inquiry{}
	replied := booking.Replied{Number: 1, Text: "请联系陈琳"}
	decidertest.Table[booking.State, booking.Command]{
		Decider: booking.Decider,
		Given: map[string][]domain.Event{
			"none":            nil,
			"awaiting":        history(),
			"replied":         history(replied),
			"read":            history(replied, booking.Read{Number: 1}),
			"withdrawn":       history(booking.Closed{Reason: booking.Withdrawn}),
			"product deleted": history(booking.Closed{Reason: booking.ProductDeleted}),
		},
		When: map[string]booking.Command{
			"request":                 booking.Request{Snapshot: snapshot(), Available: true, At: now},
			"request, not certified":  booking.Request{Snapshot: uncertified, Available: true, At: now},
			"request own":             booking.Request{Snapshot: own, Available: true, At: now},
			"request, hidden product": booking.Request{Snapshot: snapshot(), At: now},
			"request, empty":          booking.Request{Snapshot: empty, Available: true, At: now},
			"reply":                   booking.Reply{By: owner, Text: "请联系陈琳"},
			"reply, empty":            booking.Reply{By: owner, Text: " "},
			"reply, long":             booking.Reply{By: owner, Text: strings.Repeat("字", 1001)},
			"reply by enterprise":     booking.Reply{By: enterprise, Text: "请联系陈琳"},
			"reply by stranger":       booking.Reply{By: stranger, Text: "请联系陈琳"},
			"mark read":               booking.MarkRead{By: enterprise},
			"mark read by provider":   booking.MarkRead{By: owner},
			"withdraw":                booking.Withdraw{By: enterprise},
			"withdraw by provider":    booking.Withdraw{By: owner},
			"close, product deleted":  booking.Close{Reason: booking.ProductDeleted},
			"close, provider closed":  booking.Close{Reason: booking.ProviderClosed},
			"close, withdrawn":        booking.Close{Reason: booking.Withdrawn},
			"close, enterprise gone":  booking.Close{Reason: booking.EnterpriseClosed},
			"reply to nobody":         booking.Reply{By: owner, Text: "请联系陈琳", EnterpriseClosed: true},
		},
		Then: `
                        | none                      | awaiting           | replied            | read               | withdrawn          | product deleted
request                 | requested                 | !already_requested | !already_requested | !already_requested | !already_requested | !already_requested
request, not certified  | !enterprise_not_certified | !already_requested | !already_requested | !already_requested | !already_requested | !already_requested
request own             | !own_product              | !already_requested | !already_requested | !already_requested | !already_requested | !already_requested
request, hidden product | !product_not_available    | !already_requested | !already_requested | !already_requested | !already_requested | !already_requested
request, empty          | !invalid_input            | !already_requested | !already_requested | !already_requested | !already_requested | !already_requested
reply                   | !not_found                | replied            | !already_replied   | !already_replied   | !booking_closed    | !booking_closed
reply, empty            | !not_found                | !invalid_input     | !already_replied   | !already_replied   | !booking_closed    | !booking_closed
reply, long             | !not_found                | !invalid_input     | !already_replied   | !already_replied   | !booking_closed    | !booking_closed
reply by enterprise     | !not_found                | !not_found         | !not_found         | !not_found         | !not_found         | !not_found
reply by stranger       | !not_found                | !not_found         | !not_found         | !not_found         | !not_found         | !not_found
mark read               | !not_found                | !not_replied       | read               | -                  | !not_replied       | read
mark read by provider   | !not_found                | !not_found         | !not_found         | !not_found         | !not_found         | !not_found
withdraw                | !not_found                | closed             | !already_replied   | !already_replied   | -                  | -
withdraw by provider    | !not_found                | !not_found         | !not_found         | !not_found         | !not_found         | !not_found
close, product deleted  | !not_found                | closed             | -                  | -                  | -                  | -
close, provider closed  | !not_found                | closed             | -                  | -                  | -                  | -
close, enterprise gone  | !not_found                | closed             | -                  | -                  | -                  | -
reply to nobody         | !not_found                | !enterprise_closed | !already_replied   | !already_replied   | !booking_closed    | !booking_closed
close, withdrawn        | !not_found                | !invalid_input     | !invalid_input     | !invalid_input     | !invalid_input     | !invalid_input
`,
	}.Run(t)
}

// TestTheSystemRepliesInTheProvidersStead: whoever waits for a reply of a side that is gone is told so (Q17).
func TestTheSystemRepliesInTheProvidersStead(t *testing.T) {
	for reason, replies := range map[booking.CloseReason]int{
		booking.ProductDeleted: 1, booking.ProviderClosed: 1, booking.EnterpriseClosed: 0, booking.Withdrawn: 0,
	} {
		s := decidertest.Fold(booking.Decider, history(booking.Closed{Reason: reason}))
		if len(s.Replies) != replies || s.Status != booking.StatusClosed {
			t.Errorf("%s: %s with replies %q, want %d", reason, s.Status, s.Replies, replies)
		}
	}
}

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, booking.Types) }

func TestInquiryLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("字", n) }
	for name, test := range map[string]struct {
		change func(*booking.Inquiry)
		want   string
	}{
		"as it is":       {func(*booking.Inquiry) {}, ""},
		"all at once":    {func(q *booking.Inquiry) { *q = booking.Inquiry{} }, "/contact_name required, /phone required, /message required"},
		"contact over":   {func(q *booking.Inquiry) { q.ContactName = long(21) }, "/contact_name too_long"},
		"message at 500": {func(q *booking.Inquiry) { q.Message = long(500) }, ""},
		"message over":   {func(q *booking.Inquiry) { q.Message = long(501) }, "/message too_long"},
		"options over": {
			func(q *booking.Inquiry) { q.Goods, q.WeightVolume, q.Origin = long(101), long(51), long(51) },
			"/goods too_long, /weight_volume too_long, /origin too_long",
		},
		"today":        {func(q *booking.Inquiry) { q.ExpectedDate = "2026-11-23" }, ""},
		"yesterday":    {func(q *booking.Inquiry) { q.ExpectedDate = "2026-11-22" }, "/expected_date past_date"},
		"no such day":  {func(q *booking.Inquiry) { q.ExpectedDate = "2027-02-29" }, "/expected_date bad_date"},
		"another form": {func(q *booking.Inquiry) { q.ExpectedDate = "2026/12/1" }, "/expected_date bad_date"},
		"with a time":  {func(q *booking.Inquiry) { q.ExpectedDate = "2026-12-01T00:00:00Z" }, "/expected_date bad_date"},
	} {
		t.Run(name, func(t *testing.T) {
			q := inquiry()
			test.change(&q)
			if got := decidertest.Mistakes(q.Clean(now)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDaysChangeInBeijing(t *testing.T) {
	q := inquiry()
	q.ExpectedDate = "2026-11-23"
	if got := decidertest.Mistakes(q.Clean(now.Add(time.Minute))); got != "/expected_date past_date" {
		t.Errorf("at midnight in Beijing, 16:00 UTC: got %q", got)
	}
}
