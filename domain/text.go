package domain

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// CleanText brings typed text to the form in which it is counted, compared and stored: NFC, trimmed, line ends as \n, and
// without characters that show nothing. A text in which nothing shows is empty.
func CleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		if Ignorable(r) && !staying(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(s, "\r\n", "\n")))
	if !strings.ContainsFunc(s, func(r rune) bool { return visible(r) || invalid(r) }) {
		return ""
	}
	return s
}

// Ignorable reports characters that show nothing by themselves: zero-width spaces, joiners and fillers, soft hyphens, the byte
// order mark, variation selectors, tags, and the marks that turn the direction of writing.
func Ignorable(r rune) bool {
	if r < 0xad || (r > 0x3164 && r < 0xfe00) { // nearly all there is, Chinese text above all
		return false
	}
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		(unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r))
}

// staying reports the ignorable characters that mean something beside others, as within emoji, in rare Chinese characters and in
// several scripts, and those that are refused.
func staying(r rune) bool {
	return r == '\u200c' || r == '\u200d' || unicode.In(r, unicode.Variation_Selector, unicode.Bidi_Control)
}

// blank are letters and symbols of which nothing shows: the empty Braille pattern, the null notehead, the place of an object, the
// blanks among the hieroglyphs.
const blank = "\u2800\U0001D159\uFFFC\U00013441\U00013442"

// visible reports characters that show something by themselves, everywhere: neither marks that need another character, nor
// private ones, which show what a machine's fonts happen to have.
func visible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !Ignorable(r) && !strings.ContainsRune(blank, r)
}

// Required cleans *value in place and notes at pointer when it is missing, longer than max code points (Q5), or holds
// control characters. label names the field in both languages, as the manual's form does.
func (f *Fields) Required(pointer string, value *string, max int, label Text) {
	*value = CleanText(*value)
	if *value == "" {
		f.Add(pointer, "required", "请输入"+label.ZH, label.EN+" is required")
		return
	}
	f.Optional(pointer, value, max, label)
}

// Optional is Required for a field that may stay empty.
func (f *Fields) Optional(pointer string, value *string, max int, label Text) {
	*value = CleanText(*value)
	if n := utf8.RuneCountInString(*value); n > max {
		f.Add(pointer, "too_long", fmt.Sprintf("%s不能超过%d个字", label.ZH, max),
			fmt.Sprintf("%s must have at most %d characters, not %d", label.EN, max, n))
	}
	if strings.ContainsFunc(*value, invalid) {
		f.Add(pointer, "control_characters", label.ZH+"含有无效字符", label.EN+" has invalid characters")
	}
}

// Line is Required for a field of one line.
func (f *Fields) Line(pointer string, value *string, max int, label Text) {
	before := len(*f)
	f.Required(pointer, value, max, label)
	if len(*f) == before && strings.Contains(*value, "\n") {
		f.Add(pointer, "line_break", label.ZH+"不能换行", label.EN+" must be one line")
	}
}

// invalid reports control characters, line and paragraph separators, what was not UTF-8, and the marks that turn the
// direction of writing, with which a text can be made to look like another.
func invalid(r rune) bool {
	switch {
	case r == '\n':
		return false
	case r == utf8.RuneError, unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return true
	}
	return unicode.Is(unicode.Bidi_Control, r)
}

// ImageRef names an image by the SHA-256 of its bytes: "sha256:" and 64 lower-case hex digits.
type ImageRef string

var imageRef = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Image notes at pointer when ref is missing or not an image reference.
func (f *Fields) Image(pointer string, ref ImageRef, label Text) {
	switch {
	case ref == "":
		f.Add(pointer, "required", "请上传"+label.ZH, label.EN+" is required")
	case !imageRef.MatchString(string(ref)):
		f.Add(pointer, "bad_image_reference", label.ZH+"的图片引用无效", label.EN+` must be "sha256:" and 64 lower-case hex digits`)
	}
}

// Reason is one coded reason of a rejection (R20, R28): which field, and what a person should know.
type Reason struct {
	Code string `json:"code"`
	// Field is an RFC 6901 pointer into the reviewed content; empty when the reason is about the whole.
	Field string `json:"field,omitempty"`
	Note  string `json:"note,omitempty"`
}

// ReasonOther is the reason code that needs a note.
const ReasonOther = "other"

// ReasonProviderClosed is the reason that Waybill itself gives for what nobody can decide any more.
const ReasonProviderClosed = "provider_closed"

// ProviderGone are the reasons of a submission that ends undecided because its provider was closed.
func ProviderGone() []Reason { return []Reason{{Code: ReasonProviderClosed}} }

// TextOfReason is the sentence of a reason code, a reviewer's or Waybill's own; blank for an unknown one.
func TextOfReason(code string) Text {
	if code == ReasonProviderClosed {
		return Text{ZH: "服务商已关闭，未经审核而结束", EN: "the provider was closed, so this ended without a decision"}
	}
	return ReasonText[code]
}

// ReasonText names every reason code a reviewer can give.
var ReasonText = map[string]Text{
	"incomplete":          {ZH: "信息不完整", EN: "information is incomplete"},
	"inconsistent":        {ZH: "信息与证照不一致", EN: "information does not match the licence"},
	"image_unclear":       {ZH: "图片不清晰", EN: "image is not legible"},
	"image_inappropriate": {ZH: "图片不合规", EN: "image is not acceptable"},
	"text_inappropriate":  {ZH: "文字内容不合规", EN: "text is not acceptable"},
	"misleading":          {ZH: "夸大或误导性宣传", EN: "misleading claim"},
	"wrong_destination":   {ZH: "目的地信息有误", EN: "destination is wrong"},
	"unqualified":         {ZH: "资质不符合要求", EN: "qualification is missing"},
	"duplicate":           {ZH: "重复提交", EN: "duplicate of another submission"},
	ReasonOther:           {ZH: "其他原因", EN: "other; see the note"},
}

// Limits of a rejection.
const (
	MaxReasons    = 20
	MaxReasonNote = 500
)

// CleanReasons cleans the reasons of a rejection and refuses none, too many, unknown codes, a bare ReasonOther, and fields that
// are not in content, which is what was reviewed.
func CleanReasons(reasons []Reason, content any) ([]Reason, error) {
	var f Fields
	if len(reasons) == 0 {
		f.Add("/reasons", "required", "请填写拒绝原因", "at least one reason is required")
	}
	if len(reasons) > MaxReasons {
		f.Add("/reasons", "too_many", fmt.Sprintf("拒绝原因不能超过%d条", MaxReasons), fmt.Sprintf("at most %d reasons", MaxReasons))
		return nil, f.Err()
	}
	clean := make([]Reason, len(reasons))
	for i, r := range reasons {
		at := fmt.Sprintf("/reasons/%d", i)
		if _, ok := ReasonText[r.Code]; !ok {
			f.Add(at+"/code", "unknown_code", "未知的原因代码", "not a known reason code")
		}
		f.Optional(at+"/field", &r.Field, 100, Text{ZH: "字段", EN: "field"})
		switch {
		case r.Field == "":
		case !strings.HasPrefix(r.Field, "/"):
			f.Add(at+"/field", "bad_pointer", "字段指针须以 / 开头", "must be a JSON pointer, such as /name")
		case !pointsInto(content, r.Field):
			f.Add(at+"/field", "unknown_field", "被审核的内容中没有该字段", "is not a field of what was reviewed")
		}
		note := Text{ZH: "说明", EN: "note"}
		if r.Code == ReasonOther {
			f.Required(at+"/note", &r.Note, MaxReasonNote, note)
		} else {
			f.Optional(at+"/note", &r.Note, MaxReasonNote, note)
		}
		clean[i] = r
	}
	return clean, f.Err()
}
