package models_test

import (
	"slices"
	"testing"

	"waybill/domain/events"
	"waybill/projections/models"
	"waybill/projections/reactions"
)

// TestEveryEventTypeIsKnown: each read model and each reaction says of every event type, by name, whether it applies it or
// passes it over, so that nobody forgets one.
func TestEveryEventTypeIsKnown(t *testing.T) {
	check := func(name, file string, applies, passesOver []string) {
		t.Run(name, func(t *testing.T) {
			for event := range events.Types {
				switch a, p := slices.Contains(applies, event), slices.Contains(passesOver, event); {
				case a && p:
					t.Errorf("%s both applies and passes over %s", name, event)
				case !a && !p:
					t.Errorf("%s neither applies nor passes over %s: say which in %s", name, event, file)
				}
			}
			for _, event := range slices.Concat(applies, passesOver) {
				if events.Types[event] == nil {
					t.Errorf("%s names %s, which is no event", name, event)
				}
			}
			if known := slices.Concat(applies, passesOver); len(known) != len(events.Types) {
				t.Errorf("%s names %d event types, want each of %d once", name, len(known), len(events.Types))
			}
		})
	}
	for _, m := range models.All {
		check(m.Name, "projections/"+m.Name+"/model.go", m.Applies, m.PassesOver)
	}
	for _, r := range reactions.All(nil, nil) {
		check(r.Name, "projections/reactions/"+r.Name+".go", r.Applies, r.PassesOver)
	}
}

// Names are in checkpoints, schemas and what people type: no two are alike.
func TestNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range models.All {
		seen[m.Name], seen[m.Schema] = true, true
	}
	all := reactions.All(nil, nil)
	for _, r := range all {
		seen[r.Name], seen[r.StoredName] = true, true
	}
	if want := 2 * (len(models.All) + len(all)); len(seen) != want {
		t.Errorf("%d distinct names, want %d: %v", len(seen), want, seen)
	}
}
