package uscc

import (
	"strings"

	"github.com/google/uuid"

	"waybill/domain"
)

// Length is that of every code, in characters.
const Length = 18

// alphabet gives each character its value: the digits and the letters without I, O, S, V and Z.
const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// Code is a valid unified social credit code, upper-case.
type Code string

var (
	label = domain.Text{ZH: "统一社会信用代码", EN: "unified social credit code"}
	// codes is the name space of reservation streams: their names tell nobody a code.
	codes = uuid.MustParse("6f0c3b5e-6c1b-5c0a-9d1e-8a4b1c2d7e90")
)

// StreamID is the id of the code's reservation stream.
func (c Code) StreamID() uuid.UUID { return uuid.NewSHA1(codes, []byte(c)) }

// What keeps a text from being a code, in the order in which it is looked for.
var (
	TextLength     = domain.Text{ZH: "统一社会信用代码应为18位", EN: label.EN + " must have 18 characters"}
	TextCharacters = domain.Text{
		ZH: "统一社会信用代码只能包含数字和大写字母（不含I、O、S、V、Z）", EN: label.EN + " has only digits and letters other than I, O, S, V and Z",
	}
	TextCheck = domain.Text{
		ZH: "统一社会信用代码校验位不正确，请核对", EN: label.EN + " has a wrong check character; see whether it was mistyped",
	}
)

// Normal is a typed code trimmed and in upper case.
func Normal(s string) string { return strings.ToUpper(domain.CleanText(s)) }

// Spelt reports whether a text has no character that codes do not have.
func Spelt(s string) bool { return strings.Trim(s, alphabet) == "" }

// Checks reports whether a text of Length that is Spelt ends with its check character.
func Checks(s string) bool { return s[Length-1] == CheckCharacter(s[:Length-1]) }

// Clean brings *value to its Normal form in place, and notes at pointer what keeps it from being a code (Q6).
func Clean(f *domain.Fields, pointer string, value *string) {
	*value = Normal(*value)
	wrong := func(t domain.Text) { f.Add(pointer, "bad_uscc", t.ZH, t.EN) }
	switch {
	case *value == "":
		f.Add(pointer, "required", "请输入"+label.ZH, label.EN+" is required")
	case len(*value) != Length:
		wrong(TextLength)
	case !Spelt(*value):
		wrong(TextCharacters)
	case !Checks(*value):
		wrong(TextCheck)
	}
}

// CheckCharacter computes the last character from the 17 before it, all of the code's alphabet: 31 less the sum, weighted by
// powers of 3, modulo 31; where that gives 31 it is "0".
func CheckCharacter(body string) byte {
	sum, weight := 0, 1
	for _, r := range body {
		sum += strings.IndexRune(alphabet, r) * weight
		weight = weight * 3 % 31
	}
	return alphabet[(31-sum%31)%31]
}
