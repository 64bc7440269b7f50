package audit_test

import (
	"errors"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/decidertest"
)

func TestAnExportIsRecordedOnce(t *testing.T) {
	file := audit.RecordExport{Query: "kind=product", Format: "csv", Position: 7, Rows: 2, Bytes: 99, SHA256: strings.Repeat("0a", 32)}
	events, err := audit.DecideExport(audit.ExportState{}, file)
	if err != nil || len(events) != 1 || events[0] != domain.Event(audit.Exported(file)) {
		t.Fatalf("%v, %v", events, err)
	}
	state := decidertest.Fold(audit.ExportDecider, events)
	if again, err := audit.DecideExport(state, audit.RecordExport{}); err != nil || again != nil {
		t.Errorf("recorded again: %v, %v", again, err)
	}
	if *state.Exported != audit.Exported(file) {
		t.Errorf("%+v", state)
	}
}

func TestWhatIsNoFileIsNotRecorded(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	for name, file := range map[string]audit.RecordExport{
		"nothing": {}, "no format": {SHA256: sum}, "less than no rows": {Format: "csv", Rows: -1, SHA256: sum},
		"less than no bytes": {Format: "csv", Bytes: -1, SHA256: sum}, "another digest": {Format: "csv", SHA256: strings.ToUpper(sum)},
		"a digest and more": {Format: "csv", SHA256: sum + "0"},
	} {
		if events, err := audit.DecideExport(audit.ExportState{}, file); !errors.Is(err, audit.ErrNoFile) {
			t.Errorf("%s: %v, %v", name, events, err)
		}
	}
	empty := audit.RecordExport{Format: "jsonl", SHA256: sum}
	if events, err := audit.DecideExport(audit.ExportState{}, empty); err != nil || len(events) != 1 {
		t.Errorf("a file without a row: %v, %v", events, err)
	}
	if _, err := audit.DecideExport(audit.ExportState{}, nil); err == nil {
		t.Error("no command is one")
	}
}
