package commands

import (
	"context"

	"waybill/domain/calendar"
	"waybill/domain/workdays"
)

// CorrectCalendar changes days of the log's calendar, or brings it a further year, for what is computed from then on.
func (s *Service) CorrectCalendar(ctx context.Context, req Request, correction workdays.Correction) (Outcome[calendar.State], error) {
	correct := calendar.Correct{Correction: correction}
	return execute(ctx, s.store, req, calendar.Decider, calendar.ID, given[calendar.State, calendar.Command](correct))
}

// Calendar is the calendar of working days as the log has it now: the table in the binary as long as nobody corrected it.
func (s *Service) Calendar(ctx context.Context) (*workdays.Calendar, error) {
	now, err := upToDate(ctx, s.store, s.calendars, calendar.Decider, calendar.ID)
	return now.State.Calendar(), err
}
