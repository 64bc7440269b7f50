package booking

import (
	"time"

	"waybill/domain"
)

// Limits of what is typed, in code points (Q22).
const (
	MaxContactName  = 20
	MaxMessage      = 500
	MaxGoods        = 100
	MaxWeightVolume = 50
	MaxOrigin       = 50
	MaxReply        = 1000
)

// Clean cleans the inquiry in place and reports all its mistakes at once, each at its field. now tells which expected
// dates are past.
func (q *Inquiry) Clean(now time.Time) error {
	var f domain.Fields
	f.Line("/contact_name", &q.ContactName, MaxContactName, domain.Text{ZH: "联系人", EN: "contact name"})
	f.Phone("/phone", &q.Phone, domain.Text{ZH: "联系电话", EN: "phone"})
	f.Required("/message", &q.Message, MaxMessage, domain.Text{ZH: "预约内容", EN: "message"})
	f.Optional("/goods", &q.Goods, MaxGoods, domain.Text{ZH: "货物", EN: "goods"})
	f.Optional("/weight_volume", &q.WeightVolume, MaxWeightVolume, domain.Text{ZH: "重量体积", EN: "weight and volume"})
	f.Optional("/origin", &q.Origin, MaxOrigin, domain.Text{ZH: "始发地", EN: "origin"})
	q.ExpectedDate = domain.CleanText(q.ExpectedDate)
	if q.ExpectedDate != "" {
		if _, err := time.Parse(time.DateOnly, q.ExpectedDate); err != nil {
			f.Add("/expected_date", "bad_date", "请输入正确的日期，如 2026-01-31", "must be a date such as 2026-01-31")
		} else if q.ExpectedDate < now.In(domain.Beijing).Format(time.DateOnly) {
			f.Add("/expected_date", "past_date", "预计日期不能早于今天", "must not be in the past")
		}
	}
	return f.Err()
}
