package workdays

import (
	"strings"
	"testing"
)

func TestATableThatIsNone(t *testing.T) {
	t.Parallel()
	const edition, day = "edition\t2026\t2025\t2026\n", "2026-01-01\t2026-01-03\trest\t元旦\tNew Year's Day\n"
	if c, err := parse("# a comment\n" + edition + day); err != nil || c.Working(Date(2026, 1, 2)) || !c.Working(Date(2026, 1, 5)) {
		t.Fatalf("%v", err)
	}
	for name, table := range map[string]string{
		"empty":                 "",
		"no edition":            day,
		"two editions":          edition + edition,
		"no years":              "edition\t2026\t2026\t2025\n",
		"a year that is none":   "edition\t2026\tMMIV\t2026\n",
		"another":               "edition\t2026\t2004\t\n",
		"a day twice":           edition + day + day,
		"a day that is none":    edition + strings.Replace(day, "2026-01-01", "2026-02-29", 1),
		"another day":           edition + strings.Replace(day, "2026-01-03", "2026-01-0x", 1),
		"a run backwards":       edition + strings.Replace(day, "2026-01-03", "2025-12-31", 1),
		"a day after the years": edition + strings.ReplaceAll(day, "2026", "2027"),
		"a day before them":     edition + strings.ReplaceAll(day, "2026", "2024"),
		"neither rest nor work": edition + strings.Replace(day, "rest", "play", 1),
		"a column too few":      edition + "2026-01-01\t2026-01-03\trest\t元旦\n",
	} {
		if _, err := parse(table); err == nil {
			t.Errorf("%s: is read", name)
		}
	}
}
