// Package audit records what auditors did to see more than others: each opening of what was deleted, and each export. Every record
// has a stream of its own.
package audit

import (
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Category names the streams of what auditors did.
const Category = "audit"

// Opened records that an auditor opened what had been deleted, and why (R44). What was deleted can be replayed by that auditor until
// Until, and by nobody else.
type Opened struct {
	// Kind is the category of the stream that is opened, and Object its id.
	Kind   string    `json:"kind"`
	Object uuid.UUID `json:"object"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
}

// Exported records that a whole answer left Waybill, with what identifies it: whoever holds the file can tell that it is this one.
type Exported struct {
	// Query is what was asked for: the filters in the form of a URL's query, in the order of their names.
	Query string `json:"query"`
	// Format is jsonl, csv or xlsx.
	Format string `json:"format"`
	// Position is that of the newest event that could be part of it.
	Position domain.Position `json:"position"`
	Rows     int64           `json:"rows"`
	Bytes    int64           `json:"bytes"`
	// SHA256 is that of the file's bytes, in lower-case hexadecimal.
	SHA256 string `json:"sha256"`
}

// EventType is the stored name.
func (Opened) EventType() string { return "record-opened.v1" }

// EventType is the stored name.
func (Exported) EventType() string { return "history-exported.v1" }

// Types decodes this package's events.
var Types = domain.Types{
	Opened{}.EventType():   domain.JSON[Opened],
	Exported{}.EventType(): domain.JSON[Exported],
}
