package domain

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// MaxPhone bounds a contact phone, in code points (R15).
const MaxPhone = 20

var phones = []*regexp.Regexp{
	regexp.MustCompile(`^(\+?86[ -]?)?1[3-9]\d([ -]?\d{4}){2}$`),                        // mobile
	regexp.MustCompile(`^(\+?86[ -]?)?(0\d{2,3}|\(0\d{2,3}\))[ -]?\d{7,8}(-\d{1,6})?$`), // landline, with extension
	regexp.MustCompile(`^[48]00([ -]?\d){7}$`),                                          // 400 and 800 numbers
}

// Phone cleans *value in place (full-width digits become plain ones) and notes at pointer when it is missing or is not a
// mobile, landline or 400 number of the mainland (Q9).
func (f *Fields) Phone(pointer string, value *string, label Text) {
	*value = CleanPhone(*value)
	before := len(*f)
	f.Line(pointer, value, MaxPhone, label)
	if len(*f) > before {
		return
	}
	if !IsPhone(*value) {
		f.Add(pointer, "bad_phone", "请输入正确的手机号码、固定电话或400电话", label.EN+" must be a mobile, landline or 400 number")
	}
}

// CleanPhone is CleanText for a phone number: full-width digits become plain ones.
func CleanPhone(s string) string {
	// Where there is much that is not UTF-8, the normaliser leaves alone what stands beside it.
	return CleanText(norm.NFKC.String(strings.ToValidUTF8(s, "\uFFFD")))
}

// IsPhone reports whether a cleaned text is a mobile, landline, 400 or 800 number of the mainland (Q9).
func IsPhone(s string) bool {
	return slices.ContainsFunc(phones, func(p *regexp.Regexp) bool { return p.MatchString(s) })
}
