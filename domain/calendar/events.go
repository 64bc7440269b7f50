// Package calendar is the calendar of working days as a log has it: the table in the binary that it began with, and its corrections.
package calendar

import (
	"waybill/domain"
	"waybill/domain/workdays"
)

// Category names the one stream of the calendar.
const Category = "calendar"

// Corrected records that an operator corrected the calendar. What was judged by the version before stays as it was.
type Corrected struct {
	// Version is what the correction makes.
	Version    workdays.Version    `json:"version"`
	Correction workdays.Correction `json:"correction"`
}

// EventType is the stored name.
func (Corrected) EventType() string { return "calendar-corrected.v1" }

// Types decodes this aggregate's events.
var Types = domain.Types{Corrected{}.EventType(): domain.JSON[Corrected]}
