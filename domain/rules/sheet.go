package rules

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/uscc"
)

// Finding is what a soft rule or a soft part of an image's policy has to say. Its text follows from code and field.
type Finding struct {
	Code string `json:"code"`
	// Field is an RFC 6901 pointer into what was submitted.
	Field string `json:"field"`
}

// Verdict is what the book says about a submission that it lets through. Events hold it.
type Verdict struct {
	// Rules is the Version of the book; 0 in events from before there was one.
	Rules    int       `json:"rules,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// Images are what was measured of the images that the submission refers to, each once.
	Images []media.Image `json:"images,omitempty"`
}

// Sheet is one submission being judged: its fields are put to it one by one, and it collects what is wrong with any.
type Sheet struct {
	// Images are those that its account uploaded, and Policies what is asked of them. Without them no image is let through.
	Images   media.Facts
	Policies media.Policies
	mistakes domain.Fields
	verdict  Verdict
}

// Close is the verdict, or one domain.ErrInvalid with every mistake.
func (s *Sheet) Close() (Verdict, error) {
	if err := s.mistakes.Err(); err != nil {
		return Verdict{}, err
	}
	s.verdict.Rules = Version
	return s.verdict, nil
}

// Value cleans a value in place and holds it to the rules of a field that has one text. asserted is what the authority says it is;
// empty where that is not known.
func (s *Sheet) Value(f *Field, value *string, asserted string) {
	switch {
	case f.Kind == PhoneNumber:
		*value = domain.CleanPhone(*value)
	case f.Upper:
		*value = uscc.Normal(*value)
	case f.Kind != Image && f.Kind != Select:
		*value = domain.CleanText(*value)
	}
	longer := 0
	if asserted != "" && *value == asserted {
		longer = f.CertifiedCounter
	}
	s.hold(f, f.Rules, f.Pointer, *value, longer)
	if f.Kind == Image {
		s.picture(f, f.Pointer, *value)
	}
}

// Choice notes a select whose value is none of those offered.
func (s *Sheet) Choice(f *Field, offered bool) {
	if r := f.rule(OneOf); r != nil && !offered {
		s.wrong(f.Pointer, r)
	}
}

// Tags cleans tags and holds them to the rules; empty and repeated ones are dropped, the first of equals stays.
func (s *Sheet) Tags(f *Field, tags []string) []string {
	kept := make([]string, 0, min(len(tags), maxTags))
	most := f.rule(MaxItems)
	for i, tag := range tags {
		if tag = domain.CleanText(tag); tag == "" || slices.Contains(kept, tag) {
			continue
		}
		if at := pointerTo(f, i); !s.hold(f, f.Items, at, tag, 0) {
			continue
		}
		if most != nil && len(kept) == most.Limit {
			s.wrong(f.Pointer, most)
			break
		}
		kept = append(kept, tag)
	}
	return kept
}

// Gallery holds a list of images to the rules.
func (s *Sheet) Gallery(f *Field, refs []domain.ImageRef) {
	if r := f.rule(Required); r != nil && len(refs) == 0 {
		s.wrong(f.Pointer, r)
	}
	if r := f.rule(MaxItems); r != nil && len(refs) > r.Limit {
		s.wrong(f.Pointer, r)
		return
	}
	for i, ref := range refs {
		at := pointerTo(f, i)
		s.hold(f, f.Items, at, string(ref), 0)
		s.picture(f, at, string(ref))
	}
}

// Degrees holds a coordinate to the rules; unset says that neither it nor the other of its pair was given.
func (s *Sheet) Degrees(f *Field, value float64, unset bool) {
	if r := f.rule(Required); r != nil && unset {
		s.wrong(f.Pointer, r)
		return
	}
	// Written so that NaN is refused too.
	if r := f.rule(Degrees); r != nil && !(math.Abs(value) <= float64(r.Limit)) {
		s.wrong(f.Pointer, r)
	}
}

// Stray notes a value that the form does not ask for.
func (s *Sheet) Stray(pointer string) {
	s.mistakes.Add(pointer, "unknown_field", "该类型的申请表没有此字段", "the form of this type has no such field")
}

// Soft notes a soft rule of a field that was found broken.
func (s *Sheet) Soft(f *Field, test Test) {
	if r := f.rule(test); r != nil && r.Soft {
		s.verdict.Findings = append(s.verdict.Findings, Finding{Code: r.Code, Field: f.Pointer})
	}
}

func (s *Sheet) wrong(at string, r *Rule) {
	s.mistakes = append(s.mistakes, domain.FieldError{Pointer: at, Code: r.Code, Text: r.Text})
}

// hold applies the rules about a text, and reports whether none is broken. With longer, MaxLength is that.
func (s *Sheet) hold(f *Field, book []Rule, at, value string, longer int) bool {
	before := len(s.mistakes)
	for i := range book {
		r := &book[i]
		if r.Soft || (ofForm(r.Test) && len(s.mistakes) > before) || !broken(r, f, value, longer) {
			continue
		}
		s.wrong(at, r)
		if r.Test == Required {
			break
		}
	}
	return len(s.mistakes) == before
}

// ofForm are the tests that nobody wants to hear of beside another mistake.
func ofForm(t Test) bool {
	switch t {
	case OneLine, Phone, Length, USCCCharacters, USCCCheck, Reference:
		return true
	}
	return false
}

// broken reports whether a value of one text breaks a rule. What is not about a text alone, it leaves to others.
func broken(r *Rule, f *Field, value string, longer int) bool {
	switch r.Test {
	case Required:
		return value == ""
	case MaxLength:
		limit := max(r.Limit, longer)
		return len(value) > limit && utf8.RuneCountInString(value) > limit
	case Printable:
		return domain.Unprintable(value)
	case OneLine:
		return strings.Contains(value, "\n")
	case OneOf:
		return !slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == value })
	case Phone:
		return !domain.IsPhone(value)
	case Length:
		return len(value) != r.Limit
	case USCCCharacters:
		return !uscc.Spelt(value)
	case USCCCheck:
		return !uscc.Checks(value)
	case Reference:
		return !domain.ImageRef(value).WellFormed()
	}
	return false
}

// picture holds an image that is referred to rightly to its purpose's policy.
func (s *Sheet) picture(f *Field, at, digest string) {
	if !domain.ImageRef(digest).WellFormed() {
		return // hold has said so
	}
	image, ok := s.Images[media.Reference{Purpose: f.Purpose, Digest: digest}]
	if !ok {
		book := f.Rules
		if len(f.Items) > 0 {
			book = f.Items
		}
		for i := range book {
			if book[i].Test == Uploaded {
				s.wrong(at, &book[i])
			}
		}
		return
	}
	for _, found := range s.Policies[f.Purpose].Check(image) {
		if found.Soft {
			s.verdict.Findings = append(s.verdict.Findings, Finding{Code: found.Code, Field: at})
		} else {
			s.mistakes = append(s.mistakes, domain.FieldError{Pointer: at, Code: found.Code, Text: found.Text})
		}
	}
	if !slices.ContainsFunc(s.verdict.Images, func(i media.Image) bool { return i.Digest == image.Digest }) {
		s.verdict.Images = append(s.verdict.Images, image)
	}
}

// pointerTo is the place of an item of a field.
func pointerTo(f *Field, i int) string { return f.Pointer + "/" + strconv.Itoa(i) }

// References are those of well-formed image references, each once: of a field with more than its rules let through, none.
func (f *Field) References(refs ...domain.ImageRef) []media.Reference {
	if r := f.rule(MaxItems); r != nil && len(refs) > r.Limit {
		return nil
	}
	var named []media.Reference
	for _, ref := range refs {
		one := media.Reference{Purpose: f.Purpose, Digest: string(ref)}
		if ref.WellFormed() && !slices.Contains(named, one) {
			named = append(named, one)
		}
	}
	return named
}
