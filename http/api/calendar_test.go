package api_test

import "testing"

// TestCalendarOfAYear has a year that is known, one that is not, and what is none.
func TestCalendarOfAYear(t *testing.T) {
	w := start(t)
	got := w.do(as{}, "GET", "/api/v1/calendar/2026", nil).is(200)
	if got.text("version") != "2026.0" || got.at("estimated") != false || got.at("working_days") != 248.0 || got.count("days") != 39 {
		t.Errorf("%s", got.body)
	}
	if got.text("days", 4, "day") != "2026-02-14" || got.at("days", 4, "working") != true || got.text("days", 4, "name", "zh") != "春节" {
		t.Errorf("%s", got.body)
	}
	w.do(as{}, "GET", "/api/v1/calendar/2026", nil, "If-None-Match", got.header.Get("ETag")).is(304)
	later := w.do(as{}, "GET", "/api/v1/calendar/2027", nil).is(200)
	if later.at("estimated") != true || later.at("working_days") != 261.0 || later.count("days") != 0 {
		t.Errorf("%s", later.body)
	}
	for _, year := range []string{"1999", "2100", "MMXXVI", "2026.5", "-2026", "20260"} {
		w.do(as{}, "GET", "/api/v1/calendar/"+year, nil).refuses(404, "not_found")
	}
}
