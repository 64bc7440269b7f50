package rules

import (
	"fmt"

	"waybill/domain"
	"waybill/domain/media"
)

func check(test Test, code, pointer string, limit int, zh, en string) Rule {
	return Rule{Code: code, Kind: Check, Pointer: pointer, Test: test, Limit: limit, Text: domain.Text{ZH: zh, EN: en}}
}

func soft(r Rule) Rule {
	r.Soft = true
	return r
}

func tooLong(pointer string, limit int, l domain.Text) Rule {
	return check(MaxLength, "too_long", pointer, limit, fmt.Sprintf("%s不能超过%d个字", l.ZH, limit),
		fmt.Sprintf("%s must have at most %d characters", l.EN, limit))
}

func printable(pointer string, l domain.Text) Rule {
	return check(Printable, "control_characters", pointer, 0, l.ZH+"含有无效字符", l.EN+" has invalid characters")
}

func oneLine(pointer string, l domain.Text) Rule {
	return check(OneLine, "line_break", pointer, 0, l.ZH+"不能换行", l.EN+" must be one line")
}

func typed(pointer string, l domain.Text) Rule {
	return check(Required, "required", pointer, 0, "请输入"+l.ZH, l.EN+" is required")
}

// line is a required text of one line.
func line(pointer string, limit int, l domain.Text) Field {
	return Field{
		Pointer: pointer, Label: l, Kind: Text, Counter: limit,
		Rules: []Rule{typed(pointer, l), tooLong(pointer, limit, l), printable(pointer, l), oneLine(pointer, l)},
	}
}

// area is a required text of several lines.
func area(pointer string, limit int, l domain.Text) Field {
	return Field{
		Pointer: pointer, Label: l, Kind: Textarea, Counter: limit,
		Rules: []Rule{typed(pointer, l), tooLong(pointer, limit, l), printable(pointer, l)},
	}
}

// city is a place's name: chosen from the gazetteer or typed.
func city(pointer string, limit int, l domain.Text) Field {
	f := line(pointer, limit, l)
	f.Kind = Place
	return f
}

// choice is a required choice of one of the options.
func choice(pointer, code string, l domain.Text, options []Option, zh, en string) Field {
	return Field{
		Pointer: pointer, Label: l, Kind: Select, Options: options, Rules: []Rule{check(OneOf, code, pointer, 0, zh, en)},
	}
}

// asserted is a field that the authority asserts: what differs from it goes to the reviewer, and what equals it may be longer (Q7, Q8).
func asserted(f Field, limit int) Field {
	f.CertifiedCounter = limit
	f.Rules = append(f.Rules, soft(check(Certified, "differs_from_certified", f.Pointer, 0,
		f.Label.ZH+"与认证信息不一致", f.Label.EN+" differs from the certified one")))
	return f
}

// images are the rules of one image reference.
func imageRules(pointer string, l domain.Text) []Rule {
	return []Rule{
		check(Required, "required", pointer, 0, "请上传"+l.ZH, l.EN+" is required"),
		check(Reference, "bad_image_reference", pointer, 0, l.ZH+"的图片引用无效", l.EN+` must be "sha256:" and 64 lower-case hex digits`),
		check(Uploaded, "image_unknown", pointer, 0, l.ZH+"尚未上传，请先上传图片", l.EN+" was not uploaded by this account for this purpose"),
	}
}

// picture is a required image.
func picture(pointer string, purpose media.Purpose, l domain.Text) Field {
	return Field{Pointer: pointer, Label: l, Kind: Image, Purpose: purpose, Rules: imageRules(pointer, l)}
}

// degrees is one of a pair of coordinates.
func degrees(pointer string, limit int, l domain.Text) Field {
	return Field{Pointer: pointer, Label: l, Kind: Coordinates, Rules: []Rule{
		check(Degrees, "out_of_range", pointer, limit, fmt.Sprintf("%s须在 -%d 到 %d 之间", l.ZH, limit, limit),
			fmt.Sprintf("%s must be from -%d to %d", l.EN, limit, limit)),
	}}
}
