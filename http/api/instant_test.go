package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"waybill/http/api"
)

func TestInstants(t *testing.T) {
	east := time.FixedZone("", 8*3600)
	for want, given := range map[string]time.Time{
		`"2026-03-02T00:00:00.000000Z"`: time.Date(2026, 3, 2, 8, 0, 0, 0, east),
		`"2026-03-02T00:00:00.100000Z"`: time.Date(2026, 3, 2, 0, 0, 0, 100_000_000, time.UTC),
		`"2026-03-02T00:00:00.000001Z"`: time.Date(2026, 3, 2, 0, 0, 0, 1_999, time.UTC),
		`"0001-01-01T00:00:00.000000Z"`: {},
	} {
		got, err := json.Marshal(api.Instant{Time: given})
		if err != nil || string(got) != want {
			t.Errorf("%s %v, want %s", got, err, want)
		}
		var again api.Instant
		if err := json.Unmarshal(got, &again); err != nil || !again.Equal(given.Truncate(time.Microsecond)) {
			t.Errorf("%s read as %v, %v", got, again, err)
		}
	}
}
