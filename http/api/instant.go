package api

import (
	"time"

	"waybill/projections"
)

// Instant is a time as the API writes it, in projections.TimeLayout. It reads any RFC 3339 time.
type Instant struct{ time.Time }

// MarshalText implements encoding.TextMarshaler.
func (i Instant) MarshalText() ([]byte, error) {
	return []byte(i.UTC().Format(projections.TimeLayout)), nil
}

// MarshalJSON implements json.Marshaler.
func (i Instant) MarshalJSON() ([]byte, error) {
	return i.UTC().AppendFormat(make([]byte, 0, len(projections.TimeLayout)+2), `"`+projections.TimeLayout+`"`), nil
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
