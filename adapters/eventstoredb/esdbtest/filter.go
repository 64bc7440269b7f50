package esdbtest

import (
	"regexp"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// filter is which events a read of $all gives.
type filter struct {
	matches func(text string) bool // nil takes all
	streams bool                   // it looks at the stream's name instead of the event's type
	window  int                    // how many events are looked at for one page
}

func (f filter) allows(r *record) bool {
	if !r.shownInAll() {
		return false
	}
	if f.matches == nil {
		return true
	}
	if f.streams {
		return f.matches(r.stream.name)
	}
	return f.matches(r.kind)
}

// newFilter reads a request's filter. A regular expression wins over prefixes; no prefix at all matches nothing.
func newFilter(options *streams.ReadReq_Options_FilterOptions) (filter, error) {
	var f filter
	var expression *streams.ReadReq_Options_FilterOptions_Expression
	switch o := options.GetFilter().(type) {
	case *streams.ReadReq_Options_FilterOptions_StreamIdentifier:
		f.streams, expression = true, o.StreamIdentifier
	case *streams.ReadReq_Options_FilterOptions_EventType:
		expression = o.EventType
	default:
		return f, invalidArgument("a filter needs a stream identifier or an event type")
	}
	switch w := options.GetWindow().(type) {
	case *streams.ReadReq_Options_FilterOptions_Max:
		f.window = int(w.Max)
	case *streams.ReadReq_Options_FilterOptions_Count:
		f.window = pageSize
	default:
		return f, invalidArgument("'None' is not a valid " +
			"EventStore.Client.Streams.ReadReq+Types+Options+Types+FilterOptions+WindowOneofCase")
	}
	if pattern := expression.GetRegex(); pattern != "" {
		matches, err := compile(pattern)
		if err != nil {
			return f, handlerFailed()
		}
		f.matches = matches
		return f, nil
	}
	prefixes := expression.GetPrefix()
	f.matches = func(text string) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(text, prefix) {
				return true
			}
		}
		return false
	}
	return f, nil
}

// compile understands Go's expressions, and of what only .NET's have the one that clients use: "not this" at the start,
// as in ^(?!\$).
func compile(pattern string) (func(string) bool, error) {
	rest := pattern
	var not []*regexp.Regexp
	for strings.HasPrefix(rest, "^(?!") {
		end := closing(rest[1:])
		if end < 0 {
			break
		}
		re, err := regexp.Compile("^(?:" + rest[4:1+end] + ")")
		if err != nil {
			return nil, err
		}
		not, rest = append(not, re), "^"+rest[2+end:]
	}
	re, err := regexp.Compile(rest)
	if err != nil {
		return nil, err
	}
	return func(text string) bool {
		for _, n := range not {
			if n.MatchString(text) {
				return false
			}
		}
		return re.MatchString(text)
	}, nil
}

// closing is where the parenthesis that opens s is closed, or −1.
func closing(s string) int {
	depth, class := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}
