package api

import (
	"fmt"
	nethttp "net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/http"
	"waybill/projections"
)

type parameterKind int

const (
	text parameterKind = iota
	integer
	number
	identifier
	instant
	box
)

// parameter is a path, query or header parameter of an operation.
type parameter struct {
	name, in string
	required bool
	kind     parameterKind
	// least and greatest bound an integer.
	least, greatest int64
	// from and to bound a number.
	from, to float64
	// shortest and longest bound a text, in code points; a longest of 0 is no bound.
	shortest, longest int
	oneOf             []string
	// most is how often it may be there.
	most    int
	label   string
	pattern *regexp.Regexp
}

var errBadQuery = http.Refuse(nethttp.StatusBadRequest, "malformed_query", "查询参数无法解析", "the query string cannot be parsed")

// checkParameters refuses what the operation's parameters do not allow, all mistakes at once. A malformed path parameter
// names nothing, so it is ErrNotFound.
func (op *operation) checkParameters(c echo.Context) error {
	var mistakes domain.Fields
	query, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return errBadQuery
	}
	for name := range query {
		if !slices.ContainsFunc(op.params, func(p *parameter) bool { return p.in == "query" && p.name == name }) {
			mistakes.Add(printable(name), "unknown_parameter", "未知的查询参数", "not a parameter of this operation")
		}
	}
	for _, p := range op.params {
		switch p.in {
		case "query":
			p.check(query[p.name], &mistakes)
		case "path":
			var wrong domain.Fields
			if p.check([]string{c.Param(p.name)}, &wrong); len(wrong) > 0 {
				return domain.ErrNotFound
			}
		case "header":
			p.check(c.Request().Header.Values(p.name), &mistakes)
		}
	}
	op.checkConditions(c.Request().Header, &mistakes)
	return mistakes.Err()
}

// checkConditions refuses a condition on a write that does not look at it: the write must not take place as if it held.
func (op *operation) checkConditions(header nethttp.Header, mistakes *domain.Fields) {
	if op.method == nethttp.MethodGet {
		return // there it is looked at wherever there is an ETag
	}
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if header.Values(name) != nil && !slices.ContainsFunc(op.params, func(p *parameter) bool { return p.name == name }) {
			mistakes.Add(name, "unknown_parameter", "此操作不支持该条件", "is not a condition that this operation takes")
		}
	}
}

func (p *parameter) check(values []string, mistakes *domain.Fields) {
	switch n := len(values); {
	case n == 0 && p.required:
		mistakes.Add(p.name, "required", "缺少该参数", "is required")
		return
	case n > p.most && p.most == 1:
		mistakes.Add(p.name, "repeated_parameter", "该参数只能出现一次", "must be given once")
		return
	case n > p.most:
		mistakes.Add(p.name, "too_many", fmt.Sprintf("该参数最多出现 %d 次", p.most), fmt.Sprintf("must be given at most %d times", p.most))
		return
	}
	for _, value := range values {
		before := len(*mistakes)
		if p.checkOne(value, mistakes); len(*mistakes) > before {
			return // one mistake says how it is to be
		}
	}
}

func (p *parameter) checkOne(value string, mistakes *domain.Fields) {
	switch p.kind {
	case integer:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < p.least || n > p.greatest || strings.HasPrefix(value, "+") {
			mistakes.Add(p.name, "out_of_range", fmt.Sprintf("须为 %d 到 %d 的整数", p.least, p.greatest),
				fmt.Sprintf("must be an integer from %d to %d", p.least, p.greatest))
		}
	case number:
		p.checkNumber(value, mistakes)
	case identifier:
		if _, err := uuid.Parse(value); err != nil || len(value) != 36 {
			mistakes.Add(p.name, "bad_uuid", "须为 UUID", "must be a UUID")
		}
	case instant:
		if !isInstant(value) {
			zh, en := "须为 RFC 3339 时间，如 2026-03-02T08:00:00Z", "must be an RFC 3339 time, such as 2026-03-02T08:00:00Z"
			if strings.Contains(value, " ") && isInstant(strings.ReplaceAll(value, " ", "+")) {
				zh += "；网址中的加号须写作 %2B，如 2026-03-02T16:00:00%2B08:00"
				en += "; in an address a plus is written %2B, as in 2026-03-02T16:00:00%2B08:00"
			}
			mistakes.Add(p.name, "bad_time", zh, en)
		}
	case box:
		_, wrong := parseBox(p.name, value)
		*mistakes = append(*mistakes, wrong...)
	case text:
		if p.in == "query" && p.oneOf == nil && p.pattern == nil {
			// As it is compared: what a page or a document puts around a word when it is copied does not count.
			p.checkText(value, domain.CleanText(value), mistakes)
			return
		}
		p.checkText(value, value, mistakes)
	}
}

// numeral is a number as JSON writes one, and as scripts print one: 1e-7 is a click beside the prime meridian.
var numeral = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// checkNumber judges a number. No script prints more than 25 characters of one.
func (p *parameter) checkNumber(value string, mistakes *domain.Fields) {
	const longest = 40
	if len(value) > longest {
		mistakes.Add(p.name, "too_long", fmt.Sprintf("不能超过%d个字符", longest), fmt.Sprintf("must have at most %d characters", longest))
		return
	}
	if !numeral.MatchString(value) {
		mistakes.Add(p.name, "bad_number", "须为十进制数，如 18.2528", "must be a decimal number, such as 18.2528")
		return
	}
	if n, err := strconv.ParseFloat(value, 64); err != nil || n < p.from || n > p.to {
		mistakes.Add(p.name, "out_of_range", fmt.Sprintf("须在 %v 到 %v 之间", p.from, p.to), fmt.Sprintf("must be from %v to %v", p.from, p.to))
	}
}

// isInstant says whether s is a time of RFC 3339 in the years 1 to 9999.
func isInstant(s string) bool {
	var t time.Time
	return t.UnmarshalText([]byte(s)) == nil && t.Year() >= 1 && t.Year() <= 9999
}

// checkText judges a text by its characters as sent and its length as counted.
func (p *parameter) checkText(value, counted string, mistakes *domain.Fields) {
	n := utf8.RuneCountInString(counted)
	switch {
	case p.oneOf != nil:
		if !slices.Contains(p.oneOf, value) {
			mistakes.Add(p.name, "unknown_value", "须为以下之一："+p.label, "must be one of "+p.label)
		}
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		mistakes.Add(p.name, "control_characters", "含有无效字符", "has invalid characters")
	case n < p.shortest, p.shortest > 0 && projections.FoldText(value) == "":
		// Nothing is left to compare, as of marks of direction alone: a filter by it would be none.
		mistakes.Add(p.name, "too_short", "不能为空", "must not be empty")
	case p.longest > 0 && n > p.longest:
		mistakes.Add(p.name, "too_long", fmt.Sprintf("不能超过%d个字", p.longest), fmt.Sprintf("must have at most %d characters", p.longest))
	case p.pattern != nil && !p.pattern.MatchString(value):
		mistakes.Add(p.name, "bad_format", "格式不正确", "does not have the right form")
	}
}

// printable is a caller's own word, cut and cleaned so that it can be shown.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return s
}
