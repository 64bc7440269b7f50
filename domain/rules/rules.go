// Package rules is the rule book: what is asked of an application and of a product, and why a reviewer may reject one. It is data that
// the deciders apply, a preview applies, a client draws its forms from, and a reviewer picks reasons from.
package rules

import (
	"slices"

	"waybill/domain"
	"waybill/domain/media"
)

// Version numbers the book. Whoever changes anything in it counts up, and keeps the golden files of the versions before: a stored event
// names the version that judged it.
const Version = 1

// Kind is what a rule is for.
type Kind string

// The kinds.
const (
	Check  Kind = "check"  // it is applied to what is submitted
	Reason Kind = "reason" // a reviewer gives it
)

// Rule is one rule of the book.
type Rule struct {
	// Code is stable; a refusal, a finding or a rejection names it.
	Code string `json:"code"`
	Kind Kind   `json:"kind"`
	// Pointer is an RFC 6901 pointer into what is submitted, with "*" for any index; empty of a reason.
	Pointer string `json:"pointer,omitempty"`
	// Test is what is asked, one of the Test constants; empty of a reason.
	Test Test `json:"test,omitempty"`
	// Limit is the test's number: code points after trimming and NFC (Q5), items, characters, degrees or kilometres. 0 is none.
	Limit int `json:"limit,omitempty"`
	// Soft refuses nothing: it goes to the reviewer with the submission.
	Soft bool        `json:"soft,omitempty"`
	Text domain.Text `json:"text"`
}

// Test is what a rule asks of a value.
type Test string

// The tests. Those of a form (one line, a code, a phone number) are made when the value has no other mistake.
const (
	Required       Test = "required"        // it is not empty; nothing else is asked of what is
	MaxLength      Test = "max_length"      // at most Limit code points
	Printable      Test = "printable"       // no control characters
	OneLine        Test = "one_line"        // no line break
	OneOf          Test = "one_of"          // one of the field's options
	MaxItems       Test = "max_items"       // at most Limit items
	Phone          Test = "phone"           // a mobile, landline or 400 number of the mainland (Q9)
	Length         Test = "length"          // exactly Limit characters
	USCCCharacters Test = "uscc_characters" // those that a unified social credit code has (GB 32100-2015)
	USCCCheck      Test = "uscc_check"      // its check character
	Degrees        Test = "degrees"         // from -Limit to Limit
	Reference      Test = "reference"       // "sha256:" and 64 lower-case hex digits
	Uploaded       Test = "uploaded"        // an image that this account uploaded for this purpose
	Certified      Test = "certified"       // equal to what the authority asserts (Q8)
	KnownPlace     Test = "known_place"     // the gazetteer has the city (R24)
	NearPlace      Test = "near_place"      // at most Limit kilometres from the city's centre
)

// FieldKind says how a field is filled in.
type FieldKind string

// The kinds of fields.
const (
	Text        FieldKind = "text"
	Textarea    FieldKind = "textarea"
	Select      FieldKind = "select"
	Image       FieldKind = "image"
	Images      FieldKind = "images" // in order
	Tags        FieldKind = "tags"
	Place       FieldKind = "place"       // chosen from the gazetteer, or typed
	Coordinates FieldKind = "coordinates" // never typed: a click on the map fills them in
	PhoneNumber FieldKind = "phone"
)

// Option is one value of a select.
type Option struct {
	Value string      `json:"value"`
	Label domain.Text `json:"label"`
}

// Field is one field of a form, with all that is asked of it.
type Field struct {
	// Pointer is its place in what is submitted (RFC 6901).
	Pointer string      `json:"pointer"`
	Label   domain.Text `json:"label"`
	Kind    FieldKind   `json:"kind"`
	// Counter is how many code points the input box takes and counts ("0/20"), for each item of tags; 0 is without one. It may be more
	// than a rule lets through (Q6).
	Counter int `json:"counter,omitempty"`
	// CertifiedCounter is Counter for a value that equals the certified one (Q7).
	CertifiedCounter int `json:"certified_counter,omitempty"`
	// Upper says that letters are taken in upper case.
	Upper   bool     `json:"upper,omitempty"`
	Options []Option `json:"options,omitempty"`
	// Purpose is what an image is uploaded for; its policy says the rest.
	Purpose media.Purpose `json:"purpose,omitempty"`
	// Rules are about the field, Items about each item of it.
	Rules []Rule `json:"rules"`
	Items []Rule `json:"items,omitempty"`
}

// Required reports whether the field has to be filled in.
func (f *Field) Required() bool {
	return f.rule(Required) != nil || f.rule(OneOf) != nil || f.Kind == Coordinates
}

// rule is the field's rule of a test; nil when it is not in the book.
func (f *Field) rule(t Test) *Rule {
	for i := range f.Rules {
		if f.Rules[i].Test == t {
			return &f.Rules[i]
		}
	}
	return nil
}

// Limit is the number of the field's rule of a test; 0 where there is none.
func (f *Field) Limit(t Test) int {
	if r := f.rule(t); r != nil {
		return r.Limit
	}
	return 0
}

// MaxItems is how many items the field takes; 0 of a field that is no list.
func (f *Field) MaxItems() int { return f.Limit(MaxItems) }

// Choices are the options of a select.
func (f *Field) Choices() []Option {
	if f.Pointer == typePointer {
		return ProviderTypes()
	}
	return f.Options
}

// All are the rules about the field and about its items.
func (f *Field) All() []Rule { return slices.Concat(f.Rules, f.Items) }

// Each is the pointer of what one image policy or one rule of Items is about.
func (f *Field) Each() string {
	if len(f.Items) > 0 {
		return f.Pointer + "/*"
	}
	return f.Pointer
}

// Form is what is filled in and submitted.
type Form struct {
	// Name is "provider-application" or "product".
	Name string `json:"name"`
	// Type is the provider type of an application; empty before it is chosen, and of a product.
	Type   string      `json:"type,omitempty"`
	Label  domain.Text `json:"label"`
	Fields []Field     `json:"fields"`
}

// Has reports whether the form has a field at the pointer.
func (f *Form) Has(pointer string) bool {
	return slices.ContainsFunc(f.Fields, func(field Field) bool { return field.Pointer == pointer })
}

// Book is all of it, as the golden file of its version holds it.
type Book struct {
	Version      int    `json:"version"`
	Unselected   Form   `json:"unselected"`
	Applications []Form `json:"applications"`
	Product      Form   `json:"product"`
	Reasons      []Rule `json:"reasons"`
	// Policies are those of the images where nobody configured others.
	Policies media.Policies `json:"policies"`
}

// Current is the book as it is now.
func Current() Book {
	return Book{
		Version: Version, Unselected: Unselected, Applications: Applications, Product: Product, Reasons: Reasons,
		Policies: media.Standard(),
	}
}
