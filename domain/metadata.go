package domain

import (
	"bytes"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// scanMetadata reads metadata that is spelled exactly as encoding/json writes it, which is nearly all there is: every read
// model reads it from every event, and this costs a tenth. Anything else is ok = false, and the general decoder's to judge.
func scanMetadata(b []byte) (m Metadata, ok bool) {
	s := metadataScanner{rest: b, ok: true}
	m.Actor.ID = s.id(`{"actor":{"id":`)
	m.Actor.Role = Role(s.text(`,"role":`))
	m.At = s.time(`},"at":`)
	m.CausationID = s.id(`,"causation_id":`)
	m.CorrelationID = s.id(`,"correlation_id":`)
	if bytes.HasPrefix(s.rest, []byte(`,"request_id":`)) {
		m.RequestID = s.text(`,"request_id":`)
	}
	if bytes.HasPrefix(s.rest, []byte(`,"fingerprint":`)) {
		m.Fingerprint = s.text(`,"fingerprint":`)
	}
	m.Schema = s.last(`,"schema":`)
	return m, s.ok
}

// metadataScanner takes one member after the other off rest; ok is false once one was not there.
type metadataScanner struct {
	rest []byte
	ok   bool
}

// text takes name and the plain string after it.
func (s *metadataScanner) text(name string) string { return string(s.quoted(name)) }

func (s *metadataScanner) quoted(name string) []byte {
	rest, found := bytes.CutPrefix(s.rest, []byte(name))
	if !found || len(rest) == 0 || rest[0] != '"' {
		s.ok = false
		return nil
	}
	value, rest, found := bytes.Cut(rest[1:], []byte{'"'})
	for _, c := range value {
		if c < ' ' || c == '\\' || c > '~' {
			found = false
		}
	}
	s.rest, s.ok = rest, s.ok && found
	return value
}

func (s *metadataScanner) id(name string) uuid.UUID {
	value := s.quoted(name)
	id, err := uuid.ParseBytes(value)
	s.ok = s.ok && err == nil && len(value) == 36
	return id
}

func (s *metadataScanner) time(name string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s.text(name))
	s.ok = s.ok && err == nil
	return t
}

// last takes name, the number after it, and the end.
func (s *metadataScanner) last(name string) int {
	digits, found := bytes.CutPrefix(s.rest, []byte(name))
	digits, closed := bytes.CutSuffix(digits, []byte("}"))
	n, err := strconv.Atoi(string(digits))
	s.ok = s.ok && found && closed && err == nil && n >= 0 && digits[0] != '+'
	return n
}
