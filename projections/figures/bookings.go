package figures

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"waybill/domain/booking"
)

// booked is what the bookings of a row sum up to.
type booked struct {
	Bookings
	reply, working values
}

// count adds what happened so many times.
func (s *booked) count(what string, n int) {
	switch what {
	case requested:
		s.Requested += n
	case replied:
		s.Replied += n
	case string(booking.Withdrawn):
		s.Closed.Withdrawn += n
	case string(booking.ProductDeleted):
		s.Closed.ProductDeleted += n
	case string(booking.ProviderClosed):
		s.Closed.ProviderClosed += n
	case string(booking.EnterpriseClosed):
		s.Closed.EnterpriseClosed += n
	}
}

// Bookings is what became of the bookings that were requested in a period.
func (q Queries) Bookings(ctx context.Context, f Filter) (BookingsReport, error) {
	f.Kind = ""
	return report(ctx, q, f, BookingsBy, func(a asOf) (BookingsReport, error) { return q.bookings(ctx, a, f) })
}

func (q Queries) bookings(ctx context.Context, a asOf, f Filter) (BookingsReport, error) {
	all := map[string]*Pair[booked]{}
	var err error
	if f.By == ByProvider {
		all, err = q.byProvider(ctx, a, f)
	} else {
		err = q.cells(ctx, a, f, ofBookings, func(c *cell) {
			s := of(f, entry(all, f.key(c)), c.day)
			s.count(c.what, c.n)
			s.reply.add(c.aIn, c.aOut)
			s.working.add(c.bIn, c.bOut)
		}, f.By.label())
	}
	if err != nil {
		return BookingsReport{}, err
	}
	r := BookingsReport{Stamp: a.Stamp}
	var wrong error
	r.Rows = rowsOf(f, all, func(s *booked) Bookings {
		wrong = errors.Join(wrong, s.reply.err, s.working.err)
		s.ToReply, s.ToReplyWorking = s.reply.spread(), s.working.spread()
		return s.Bookings
	})
	return r, wrong
}

const sqlBooked = `SELECT day, what, who, n, a, b FROM ` + tableBooked + ` WHERE day >= $1 AND day <= $2 AND stretch < $3
	UNION ALL SELECT day, what, ` + bookedArrays + ` FROM ` + tableFacts + `
		WHERE position > $4 AND position <= $5 AND measure = 'booking' AND day >= $1 AND day <= $2 GROUP BY day, what`

// byProvider reads the facts of bookings themselves: a provider has few in a day.
func (q Queries) byProvider(ctx context.Context, a asOf, f Filter) (map[string]*Pair[booked], error) {
	rows, err := q.DB.Query(ctx, sqlBooked, int(f.first()), int(f.To), a.stretch, a.behind, a.Position)
	if err != nil {
		return nil, fmt.Errorf("figures by provider: %w", err)
	}
	defer rows.Close()
	found := map[uuid.UUID]*Pair[booked]{}
	var (
		c       cell
		n, x, y []int32
	)
	for rows.Next() {
		if err := rows.Scan(&c.day, &c.what, nil, nil, nil, nil); err != nil {
			return nil, fmt.Errorf("figures by provider: %w", err)
		}
		raw := rows.RawValues()
		who, err := elements(raw[2], 16)
		for i, to := range []*[]int32{&n, &x, &y} {
			if err == nil {
				*to, err = appendMinutes((*to)[:0], raw[3+i])
			}
		}
		if err == nil && (len(n)*20 != len(who) || len(x) != len(y) || len(x) > 0 && len(x) != len(n)) {
			err = errNoArray
		}
		if err != nil {
			return nil, fmt.Errorf("figures by provider: %w", err)
		}
		for i, sign := range n {
			s := of(f, entry(found, uuid.UUID(who[i*20+4:i*20+20])), c.day)
			s.count(c.what, int(sign))
			if len(x) > 0 {
				s.reply.one(x[i], sign)
				s.working.one(y[i], sign)
			}
		}
	}
	all := make(map[string]*Pair[booked], len(found))
	for id, s := range found {
		all[id.String()] = s
	}
	return all, rows.Err()
}

// one adds a value, or takes it back.
func (v *values) one(value, sign int32) {
	if sign > 0 {
		v.in = append(v.in, value)
	} else {
		v.out = append(v.out, value)
	}
}
