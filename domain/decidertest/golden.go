package decidertest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/domain"
)

// Golden checks testdata/<stored name>.json: each must decode, and encode again to the same. Every type must have a file, and every
// file a type; an event with a field that was added later, or that may be null, has one more, <stored name>+<field>.json. A golden
// file is what old logs hold: it is added and never edited.
func Golden(t *testing.T, types domain.Types) {
	t.Helper()
	for eventType := range types {
		t.Run(eventType, func(t *testing.T) { golden(t, types, eventType, eventType) })
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		eventType, _, more := strings.Cut(name, "+")
		if _, ok := types[eventType]; !ok {
			t.Errorf("%s: no such type is known", file)
		} else if more {
			t.Run(name, func(t *testing.T) { golden(t, types, eventType, name) })
		}
	}
}

func golden(t *testing.T, types domain.Types, eventType, name string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var stored bytes.Buffer
	if err := json.Compact(&stored, file); err != nil {
		t.Fatal(err)
	}
	event, err := types.Decode(eventType, stored.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if event.EventType() != eventType {
		t.Errorf("decodes to a %s", event.EventType())
	}
	again, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, stored.Bytes()) {
		t.Errorf("encodes again to\n%s\nwant\n%s", again, stored.Bytes())
	}
	unknown := strings.TrimSuffix(stored.String(), "}") + `,"unheard_of":1}`
	unknown = strings.Replace(unknown, "{,", "{", 1)
	if _, err := types.Decode(eventType, []byte(unknown)); err == nil {
		t.Errorf("a field nobody knows is accepted: %s", unknown)
	}
	if _, err := types.Decode(eventType+"9", stored.Bytes()); err == nil {
		t.Error("a type nobody knows is accepted")
	}
}
