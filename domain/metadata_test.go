package domain

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestScannedMetadataIsWhatTheGeneralDecoderReads(t *testing.T) {
	id := rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) uuid.UUID { return uuid.UUID(b) })
	scanned := 0
	rapid.Check(t, func(t *rapid.T) {
		want := Metadata{
			Actor:       Actor{ID: id.Draw(t, "actor"), Role: Role(rapid.String().Draw(t, "role"))},
			At:          time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC(),
			CausationID: id.Draw(t, "cause"), CorrelationID: id.Draw(t, "correlation"),
			RequestID: rapid.String().Draw(t, "request"), Fingerprint: rapid.StringMatching(`[0-9a-f]*`).Draw(t, "fingerprint"),
			Schema: rapid.IntRange(0, 1000).Draw(t, "schema"),
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var general Metadata
		if err := json.Unmarshal(data, &general); err != nil {
			t.Fatal(err)
		}
		if got, ok := scanMetadata(data); ok {
			scanned++
			if got != general {
				t.Fatalf("%s\nscanned %+v\nwant    %+v", data, got, general)
			}
		}
	})
	if scanned == 0 {
		t.Error("nothing was scanned")
	}
}

func TestOddMetadataIsLeftToTheGeneralDecoder(t *testing.T) {
	const plain = `{"actor":{"id":"0192f3c4-0000-7000-8000-000000000001","role":"reviewer"},"at":"2026-03-02T01:00:00Z",` +
		`"causation_id":"0192f3c4-0000-7000-8000-000000000002","correlation_id":"0192f3c4-0000-7000-8000-000000000003","schema":1}`
	if m, ok := scanMetadata([]byte(plain)); !ok || m.Actor.Role != RoleReviewer || m.Schema != 1 {
		t.Errorf("plain metadata: %+v, %v", m, ok)
	}
	for _, odd := range []string{
		``, `{}`, plain[:len(plain)-1], plain + " ", plain[:len(plain)-2] + `+1}`, plain[:len(plain)-2] + `}`, plain[:20],
		`{"at":"2026-03-02T01:00:00Z"}`, plain[:len(plain)-1] + `,"more":1}`,
	} {
		if _, ok := scanMetadata([]byte(odd)); ok {
			t.Errorf("scanned %s", odd)
		}
	}
}
