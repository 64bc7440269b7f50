package audit

import (
	"errors"
	"fmt"
	"regexp"

	"waybill/domain"
)

// ExportState is an export; the zero value is one that is not over.
type ExportState struct {
	Exported *Exported `json:"exported,omitempty"`
}

// ExportCommand is RecordExport.
type ExportCommand interface{ exportCommand() }

// RecordExport records what left. An export is recorded once: asked again, nothing changes.
type RecordExport Exported

func (RecordExport) exportCommand() {}

// ExportDecider is one export.
var ExportDecider = domain.Decider[ExportState, ExportCommand]{Category: Category, Decide: DecideExport, Evolve: EvolveExport, Types: Types}

// ErrNoFile is for what cannot be the description of a file.
var ErrNoFile = errors.New("audit: this does not describe a file that was exported")

var hexadecimal = regexp.MustCompile(`^[0-9a-f]{64}$`)

// DecideExport refuses with ErrNoFile what describes no file.
func DecideExport(s ExportState, c ExportCommand) ([]domain.Event, error) {
	record, ok := c.(RecordExport)
	if !ok {
		return nil, fmt.Errorf("audit: unknown command %T", c)
	}
	if s.Exported != nil {
		return nil, nil
	}
	if record.Format == "" || record.Rows < 0 || record.Bytes < 0 || !hexadecimal.MatchString(record.SHA256) {
		return nil, ErrNoFile
	}
	return []domain.Event{Exported(record)}, nil
}

// EvolveExport folds one event.
func EvolveExport(s ExportState, e domain.Event) ExportState {
	if exported, ok := e.(Exported); ok {
		s.Exported = &exported
	}
	return s
}
