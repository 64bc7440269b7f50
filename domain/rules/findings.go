package rules

import (
	"strings"

	"waybill/domain"
	"waybill/domain/media"
)

// Text is the sentence of a finding, by the book and the policies as they are now; blank when neither has it any more.
func (f Finding) Text(policies media.Policies) domain.Text {
	at := generic(f.Field)
	for _, form := range append([]Form{Product}, Applications...) {
		for i := range form.Fields {
			field := &form.Fields[i]
			for _, r := range append(field.Rules, field.Items...) {
				if r.Soft && r.Code == f.Code && r.Pointer == at {
					return r.Text
				}
			}
			if field.Purpose == "" || (field.Pointer != at && field.Pointer+"/*" != at) {
				continue
			}
			for _, said := range Messages(policies[field.Purpose]) {
				if said.Code == f.Code {
					return said.Text
				}
			}
		}
	}
	return domain.Text{}
}

// Messages are all that a policy can have to say about an image.
func Messages(p media.Policy) []media.Finding {
	return p.Check(media.Image{Bytes: p.MaxBytes + 1}) // without format or pixels, and too large: it has everything wrong
}

// generic puts "*" for the index of an item.
func generic(pointer string) string {
	if i := strings.LastIndexByte(pointer, '/'); i > 0 && strings.Trim(pointer[i+1:], "0123456789") == "" {
		return pointer[:i+1] + "*"
	}
	return pointer
}
