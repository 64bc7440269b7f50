package api

import "time"

// Instant is a time as the API writes it: RFC 3339 in UTC with microseconds, always 27 characters, so that the order of the
// texts is that of the times. It reads any RFC 3339 time.
type Instant struct{ time.Time }

const instantLayout = "2006-01-02T15:04:05.000000Z"

// MarshalText implements encoding.TextMarshaler.
func (i Instant) MarshalText() ([]byte, error) { return []byte(i.UTC().Format(instantLayout)), nil }

// MarshalJSON implements json.Marshaler.
func (i Instant) MarshalJSON() ([]byte, error) {
	return i.UTC().AppendFormat(make([]byte, 0, len(instantLayout)+2), `"`+instantLayout+`"`), nil
}

// at is t for an answer.
func at(t time.Time) Instant { return Instant{t} }

// timeOf is *t for an answer; zero, which is left out, for none.
func timeOf(t *time.Time) Instant {
	if t == nil {
		return Instant{}
	}
	return Instant{*t}
}

// given is a parameter's time; nil when it was not given.
func given(i *Instant) *time.Time {
	if i == nil {
		return nil
	}
	return &i.Time
}

// Bind reads a parameter, as the generated server asks for it.
func (i *Instant) Bind(s string) error { return i.UnmarshalText([]byte(s)) }
