package domain_test

import (
	"errors"
	"testing"
	"time"

	"waybill/domain"
)

func TestPace(t *testing.T) {
	noon := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		submissions int
		since       time.Duration // the last of them
		want        time.Duration // to wait still
	}{
		{0, 0, 0},
		{1, 0, 0},
		{9, 0, 0},
		{10, 0, time.Minute},
		{10, 59 * time.Second, time.Second},
		{10, time.Minute, 0},
		{10, 24 * time.Hour, 0},
		{11, time.Minute, time.Minute},
		{12, time.Minute, 3 * time.Minute},
		{14, 0, 16 * time.Minute},
		{15, 0, 30 * time.Minute},
		{1000, 0, 30 * time.Minute},
		{1000, 30 * time.Minute, 0},
		{1 << 40, 0, 30 * time.Minute},
		{10, -time.Hour, time.Minute}, // another node's clock is ahead
	} {
		err := domain.Pace{Submissions: test.submissions, Last: noon, Now: noon.Add(test.since)}.Check()
		var refused *domain.Error
		switch {
		case test.want == 0 && err != nil:
			t.Errorf("%d submissions, %v ago: %v", test.submissions, test.since, err)
		case test.want > 0 && (!errors.As(err, &refused) || !errors.Is(err, domain.ErrTooSoon) || refused.After != test.want || refused.Text.ZH == ""):
			t.Errorf("%d submissions, %v ago: %v, want a wait of %v", test.submissions, test.since, err, test.want)
		}
	}
}
