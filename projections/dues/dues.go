// Package dues keeps the calendar of the log in the schema of a read model, and the model's open cases due by it.
//
// A model that shows when its cases are due has DDL in its own, Columns in each table of cases, calendar.Corrected among what it applies,
// and Applying around its fold. The fold says Of of each submission, and of what awaits a decision again; a correction is not shown to
// it, and moves the open cases of the tables by itself.
package dues

import (
	"time"

	"waybill/domain/workdays"
)

// DDL makes the table of the calendar's corrections.
const DDL = `
CREATE TABLE corrections ( -- of the calendar by which cases are due
	revision   bigint PRIMARY KEY, -- of the calendar's stream
	version    text COLLATE "C" NOT NULL, -- what the correction makes
	correction json NOT NULL,
	digest     bytea NOT NULL -- of this one and all before it
);`

// Columns are those of a table of cases, the last without a comma.
const Columns = `
	due_from      timestamptz NOT NULL, -- what it is counted from: the latest submission, or what made the case pend again
	due_at        timestamptz NOT NULL, -- overdue from this instant on, while it is pending
	due_estimated boolean NOT NULL, -- days of a year were counted that the calendar does not know
	due_calendar  text COLLATE "C" NOT NULL -- the calendar's version by which it was computed last
`

// ColumnNames are the names of Columns, in the order of Promise's fields.
const ColumnNames = `due_from, due_at, due_estimated, due_calendar`

// Promise is when a case is due, as a row holds it; of a case that is decided, when it was due.
type Promise struct {
	DueFrom      time.Time
	DueAt        time.Time
	DueEstimated bool
	DueCalendar  workdays.Version
}

// Of is the promise of a case that pends from a time on, for a number of working days (workdays.ForProduct, workdays.ForApplication).
// said is what its event says, and is copied when it is by the calendar's version. It is computed where the event is from before it said
// so, and where a correction came between the command and its event.
func Of(c *workdays.Calendar, said workdays.Due, from time.Time, days int) Promise {
	if said.Calendar != c.Version() {
		said = c.Due(from, days)
	}
	return Promise{DueFrom: from, DueAt: said.At.UTC(), DueEstimated: said.Estimated, DueCalendar: said.Calendar}
}

// Due is the promise as the domain has it.
func (p Promise) Due() workdays.Due {
	return workdays.Due{At: p.DueAt.UTC(), Calendar: p.DueCalendar, Estimated: p.DueEstimated}
}

// Overdue reports whether what is pending, or was decided at a time, was not decided in time; at is that time, or now.
func (p Promise) Overdue(at time.Time) bool { return !at.Before(p.DueAt) }
