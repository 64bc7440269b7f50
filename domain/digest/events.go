// Package digest records, once for each day, what awaits the reviewers. The stream is the day's.
package digest

import (
	"time"

	"waybill/domain"
	"waybill/domain/workdays"
)

// Category names the streams of digests.
const Category = "digest"

// Made records what awaited the reviewers at a moment of a day in Beijing.
type Made struct {
	Day workdays.Day `json:"day"`
	// At is the moment that the counts are of, and Calendar the version by which they are due.
	At       time.Time        `json:"at"`
	Calendar workdays.Version `json:"calendar"`
	Kinds    []Kind           `json:"kinds"`
}

// Kind counts the cases of one kind that await a decision.
type Kind struct {
	// Kind is the category of their streams.
	Kind string `json:"kind"`
	Open int    `json:"open"`
	// Overdue are those whose time is over, and DueToday those whose time ends with this day.
	Overdue  int `json:"overdue"`
	DueToday int `json:"due_today"`
	// Oldest is when the first of them is, or was, due; nil without any.
	Oldest *time.Time `json:"oldest,omitempty"`
}

// EventType is the stored name.
func (Made) EventType() string { return "review-digest-made.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{Made{}.EventType(): domain.JSON[Made]}
