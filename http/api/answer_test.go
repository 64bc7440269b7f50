package api_test

import (
	"encoding/json"
)

func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d, want %d\n%s", a.what, a.status, status, a.body)
	}
	return a
}

// refuses checks a problem's status and code.
func (a answer) refuses(status int, code string) answer {
	a.t.Helper()
	if got := a.is(status).text("code"); got != code {
		a.t.Fatalf("%s: code %q, want %q\n%s", a.what, got, code, a.body)
	}
	return a
}

// at is the value at a path of names and indexes, such as "items", 0, "id"; nil when there is none.
func (a answer) at(path ...any) any {
	a.t.Helper()
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Fatalf("%s: %v\n%s", a.what, err, a.body)
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(m)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func (a answer) text(path ...any) string {
	a.t.Helper()
	s, _ := a.at(path...).(string)
	return s
}

func (a answer) count(path ...any) int {
	a.t.Helper()
	list, _ := a.at(path...).([]any)
	return len(list)
}

// mistakes are the pointers or parameters that a problem names, with their codes.
func (a answer) mistakes() map[string]string {
	a.t.Helper()
	found := map[string]string{}
	for i := range a.count("errors") {
		found[a.text("errors", i, "pointer")+a.text("errors", i, "parameter")] = a.text("errors", i, "code")
	}
	return found
}

func (a answer) position() string { return a.header.Get("Waybill-Position") }
