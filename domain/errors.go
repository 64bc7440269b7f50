package domain

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Kind is what a program needs to know of an error; package http maps each to one status.
type Kind int

// The kinds.
const (
	KindInternal     Kind = iota // ours: nothing of it is shown
	KindInvalid                  // the input is wrong; Fields says where
	KindUnauthorized             // no or no valid credentials
	KindForbidden                // this actor may not
	KindNotFound                 // no such thing, or not for this actor
	KindConflict                 // the state does not allow it
	KindStale                    // the caller decided on content that is no longer the latest
	KindPrecondition             // the stream is not at the revision that the caller named
	KindTooLarge                 // the input is too big
	KindUnavailable              // try again later
	KindTooSoon                  // this caller has to wait first; After says how long
)

// Text is one sentence in the two languages of the portal.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// FieldError is one mistake in the input. Pointer is an RFC 6901 JSON pointer into it.
type FieldError struct {
	Pointer string
	Code    string
	Text    Text
}

// Error is a refusal: a kind for the program, a stable code for the caller's program, and a safe sentence for the person.
type Error struct {
	Kind   Kind
	Code   string
	Text   Text
	Fields []FieldError
	// After is how long to wait before it may be tried again; 0 where that is not said.
	After time.Duration
	// Claim is whose claim stands in the way; nil where that is not said.
	Claim *Claim
	// Cause is for the log only.
	Cause error
}

// Claim is a reviewer's on a case, as a refusal tells others of it.
type Claim struct {
	Reviewer uuid.UUID
	// Name is the reviewer's account's; blank where nobody looked.
	Name  string
	Until time.Time
}

// Refuse makes a refusal with no fields.
func Refuse(kind Kind, code, zh, en string) *Error {
	return &Error{Kind: kind, Code: code, Text: Text{ZH: zh, EN: en}}
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code + ": " + e.Text.EN)
	for _, f := range e.Fields {
		b.WriteString("; " + f.Pointer + ": " + f.Text.EN)
	}
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is compare refusals by code, so that a refusal with a cause or fields is still itself.
func (e *Error) Is(target error) bool {
	var t *Error
	return errors.As(target, &t) && t.Code == e.Code
}

// Because returns a copy of e with a cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Fields collects the mistakes of one input, so that all are reported at once.
type Fields []FieldError

// Add notes a mistake at pointer.
func (f *Fields) Add(pointer, code, zh, en string) {
	*f = append(*f, FieldError{Pointer: pointer, Code: code, Text: Text{ZH: zh, EN: en}})
}

// Err is nil without mistakes, else one ErrInvalid with all of them.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	e := *ErrInvalid
	e.Fields = f
	return &e
}

// ErrStoreRefuses is what callers are told of ErrRefused, whatever they asked for.
var ErrStoreRefuses = Refuse(KindUnavailable, "event_store_refuses",
	"事件存储拒绝了系统的访问，请稍后重试", "the event store refuses this system's access; try again later")

// Refusals every aggregate shares.
var (
	ErrInvalid    = Refuse(KindInvalid, "invalid_input", "提交的信息有误，请检查标出的字段", "the input has mistakes; see the fields")
	ErrNotFound   = Refuse(KindNotFound, "not_found", "未找到该对象", "no such object")
	ErrForbidden  = Refuse(KindForbidden, "forbidden", "您没有权限执行该操作", "you may not do this")
	ErrStale      = Refuse(KindStale, "stale_revision", "内容已被修改，请刷新后重试", "it has changed since the revision you named; read it again")
	ErrKeyReused  = Refuse(KindConflict, "idempotency_key_reused", "该幂等键已用于另一请求", "this Idempotency-Key was used for a different request")
	ErrContention = Refuse(KindUnavailable, "contention", "操作过于频繁，请稍后重试", "too many concurrent changes; try again")

	// ErrPrecondition is about the stream's revision (If-Match), where ErrStale is about the content's.
	ErrPrecondition = Refuse(KindPrecondition, "precondition_failed", "内容已被修改，请刷新后重试",
		"it has changed since the revision in If-Match; read it again")
)
