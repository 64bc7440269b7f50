package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// getenv is the value of a variable, without the white space around it: files of variables that came from elsewhere have "\r" at the
// end of each line, and secrets that came from files a line break.
func (e *environment) getenv(name string) string {
	value := strings.TrimSpace(e.given(name))
	if e.checked[name] {
		return value
	}
	e.checked[name] = true
	switch {
	case len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0]:
		e.mistakes = append(e.mistakes, fmt.Errorf("%s: the value stands in quotes, which are kept as a part of it: take them away "+
			"(a shell takes them away by itself, docker --env-file does not)", name))
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		e.mistakes = append(e.mistakes, fmt.Errorf("%s: there is a line break or another control character in the middle of the value",
			name))
	}
	return value
}

// mustSay are variables that say where data is: one that somebody meant to set and that is empty would have it go elsewhere in silence.
var mustSay = map[string]string{
	"DATABASE_URL":       "an embedded PostgreSQL would be used",
	"WAYBILL_EVENTSTORE": "PostgreSQL would be the log",
}

func (e *environment) empty(set []string) {
	for _, name := range Variables {
		if otherwise := mustSay[name]; otherwise != "" && slices.Contains(set, name) && e.getenv(name) == "" {
			e.mistakes = append(e.mistakes, fmt.Errorf("%s is set, but empty, and %s: unset it if that is wanted", name, otherwise))
		}
	}
}

// garbage checks GOGC, which Go passes over in silence when it cannot read it. GOMEMLIMIT it checks itself.
func (e *environment) garbage() {
	const name = "GOGC"
	v := e.getenv(name)
	if v == "" || v == "off" {
		return
	}
	if _, err := strconv.ParseInt(v, 10, 32); err != nil {
		e.mistake(name, v, `a number of percent, or "off"`)
	}
}
