package intake

import (
	"errors"
	"fmt"

	"waybill/domain"
	"waybill/domain/media"
)

// mistake is what is wrong with a file: a stable code and what its sender should know.
type mistake struct {
	code   string
	zh, en string
	detail string // for the log
}

func (m *mistake) Error() string {
	if m.detail != "" {
		return m.code + ": " + m.detail
	}
	return m.code
}

// Is compares by code.
func (m *mistake) Is(target error) bool {
	var t *mistake
	return errors.As(target, &t) && t.code == m.code
}

func (m *mistake) add(fields *domain.Fields) { fields.Add(pointer, m.code, m.zh, m.en) }

var (
	errEmpty  = &mistake{code: "image_empty", zh: "文件为空", en: "the file is empty"}
	errBroken = &mistake{code: "image_broken", zh: "图片已损坏或不完整，请重新导出后上传", en: "the image is damaged or incomplete; export it again"}
	errFormat = &mistake{code: "image_format"} // what it says is the policy's
)

// broken is errBroken with a detail for the log.
func broken(format string, args ...any) error {
	m := *errBroken
	m.detail = fmt.Sprintf(format, args...)
	return &m
}

// foreign is errFormat for a file whose format is known by name, or empty.
func foreign(name string) error {
	m := *errFormat
	m.detail = name
	return &m
}

// wanted says which formats the policy has, and which the file is in, if that is known.
func (m *mistake) wanted(policy media.Policy) *mistake {
	said, text := *m, policy.FormatText()
	if said.zh, said.en = text.ZH, text.EN; m.detail != "" {
		said.zh += "，而不是 " + m.detail
		said.en += ", not " + m.detail
	}
	return &said
}

// unsupported is a sound file of a kind that is not taken.
func unsupported(zh, en string) error {
	return &mistake{code: "image_unsupported", zh: zh, en: en, detail: en}
}

// errTooManyPixels says how many an image of the kind may have.
func errTooManyPixels(most int64) *mistake {
	return &mistake{
		code: "image_too_many_pixels",
		zh:   fmt.Sprintf("图片像素过多（此类图片最多 %d 万像素），请缩小后上传", most/10_000),
		en:   fmt.Sprintf("has too many pixels (at most %.1f million of its kind); make it smaller", float64(most)/1e6),
	}
}

// refuse makes a refusal of one mistake.
func refuse(err error) error {
	var fields domain.Fields
	var m *mistake
	if errors.As(err, &m) {
		m.add(&fields)
	}
	return because(fields.Err(), err)
}

// because adds the cause, for the log, to a refusal that there is.
func because(refusal, cause error) error {
	var e *domain.Error
	if cause != nil && errors.As(refusal, &e) {
		return e.Because(cause)
	}
	return refusal
}
