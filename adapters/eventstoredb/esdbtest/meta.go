package esdbtest

import (
	"encoding/json"
	"strings"
	"time"
)

// streamMeta is what a stream's metadata says of reading it. Zero says nothing.
type streamMeta struct {
	maxCount int64
	maxAge   time.Duration
	before   int64 // $tb: revisions below it are gone; deleted when the whole stream is
	acl      *streamACL
}

// softDeleted: the stream reads as if it never was, and the next append continues its revisions.
func (m streamMeta) softDeleted() bool { return m.before == deleted }

// first is the lowest revision that may be read when last is the highest.
func (m streamMeta) first(last int64) int64 {
	first := m.before
	if m.maxCount > 0 {
		first = max(first, last-m.maxCount+1)
	}
	return first
}

// oldest is the earliest time of an event that may be read, in ticks.
func (m streamMeta) oldest(now time.Time) int64 {
	if m.maxAge == 0 {
		return 0
	}
	return ticksOf(now.Add(-m.maxAge))
}

// streamACL names who may do what; nil means what holds for all streams.
type streamACL struct {
	Read      roles `json:"$r"`
	Write     roles `json:"$w"`
	Delete    roles `json:"$d"`
	MetaRead  roles `json:"$mr"`
	MetaWrite roles `json:"$mw"`
}

// roles may be stored as one text or as several.
type roles []string

// UnmarshalJSON reads either form.
func (r *roles) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*r = roles{one}
		return nil
	}
	var several []string
	err := json.Unmarshal(b, &several)
	*r = several
	return err
}

// parseMeta reads a $metadata event. As in the real server, what is wrong anywhere in it says nothing at all.
func parseMeta(b []byte) streamMeta {
	var m struct {
		MaxCount *int64     `json:"$maxCount"`
		MaxAge   *int64     `json:"$maxAge"`
		Before   *int64     `json:"$tb"`
		Cache    *int64     `json:"$cacheControl"`
		ACL      *streamACL `json:"$acl"`
	}
	if json.Unmarshal(b, &m) != nil {
		return streamMeta{}
	}
	out := streamMeta{acl: m.ACL}
	if m.MaxCount != nil {
		if out.maxCount = *m.MaxCount; out.maxCount <= 0 {
			return streamMeta{}
		}
	}
	if m.MaxAge != nil {
		if *m.MaxAge <= 0 {
			return streamMeta{}
		}
		out.maxAge = time.Duration(min(*m.MaxAge, 9_000_000_000)) * time.Second
	}
	if m.Before != nil {
		if out.before = *m.Before; out.before < 0 {
			return streamMeta{}
		}
	}
	if m.Cache != nil && *m.Cache < 0 {
		return streamMeta{}
	}
	return out
}

// undeleted is a metadata event's content with another $tb; what else users put there stays. It is false for no object.
func undeleted(b []byte, before int64) ([]byte, bool) {
	m := map[string]json.RawMessage{}
	if json.Unmarshal(b, &m) != nil || m == nil {
		return nil, false
	}
	m["$tb"], _ = json.Marshal(before) // a number always can
	out, err := json.Marshal(m)
	return out, err == nil
}

func isMetastream(name string) bool       { return strings.HasPrefix(name, "$$") }
func isSystemStream(name string) bool     { return strings.HasPrefix(name, "$") }
func originalOf(metastream string) string { return metastream[2:] }
