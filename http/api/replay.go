package api

import (
	"context"
	"errors"
	nethttp "net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/projections"
	"waybill/projections/compare"
	"waybill/projections/history"
)

// record is what an auditor replays: one stream, with what this auditor does not see of it.
type record struct {
	kind RecordKind
	id   uuid.UUID
	// opened is set of what was deleted and is open to this auditor.
	opened bool
	// nameless is set of a booking whose product was deleted, and not opened: the product's name goes with the product.
	nameless bool
}

func (r record) stream() domain.StreamName { return domain.Stream(string(r.kind), r.id) }

func (r record) url() string { return "/api/v1/audit/" + string(r.kind) + "/" + r.id.String() }

func (r record) urlAt(revision domain.Revision) string {
	return r.url() + "?revision=" + strconv.FormatUint(uint64(revision), 10)
}

// open finds out whether the caller may replay a record: what was deleted only with an opening that lasts.
func (s *server) open(c echo.Context, kind AuditedKind, id uuid.UUID) (record, error) {
	r := record{kind: kind, id: id}
	ctx, auditor, now := c.Request().Context(), callOf(c).Account, s.web.Clock()
	var err error
	if r.opened, err = s.Commands.CheckOpen(ctx, auditor, r.stream(), now); err != nil || kind != booking.Category {
		return r, err
	}
	first := domain.Revision(0)
	asked, err := s.Commands.Replay(ctx, r.stream(), commands.Until{Revision: &first})
	if err != nil {
		return r, err
	}
	state, _ := asked.State.(booking.State)
	_, err = s.Commands.CheckOpen(ctx, auditor, domain.Stream(product.Category, state.Request.ProductID), now)
	if r.nameless = errors.Is(err, audit.ErrOpeningNeeded); r.nameless || errors.Is(err, domain.ErrNotFound) {
		err = nil
	}
	return r, err
}

// state is a state of the record as it is shown.
func (r record) state(state any) ([]byte, error) {
	if b, ok := state.(booking.State); ok && r.nameless {
		b.Request.ProductName = ""
		state = b
	}
	return shownJSON(state)
}

// step is an event of the record without what only a replay shows of it.
func (r record) step(step commands.Step) (RecordStep, error) {
	told := history.Telling{}
	entry, err := told.Entry(projections.Event{RecordedEvent: step.RecordedEvent, Fact: step.Fact, Meta: step.Meta})
	return RecordStep{
		ID: step.ID, Type: step.Type, At: at(step.Meta.At),
		Revision: int64(step.Revision), Position: int64(step.Position), //nolint:gosec // both fit a bigint
		Actor:           Actor{ID: step.Meta.Actor.ID, Role: string(step.Meta.Actor.Role)},
		ContentRevision: int32of(entry.ContentRevision), URL: r.urlAt(step.Revision),
		Reasons: convert(entry.Reasons, func(r domain.Reason) AuditReason { return AuditReason(r) }),
	}, err
}

// wholeStep is an event of the record.
func (r record) wholeStep(step commands.Step) (RecordStep, error) {
	out, err := r.step(step)
	if err != nil {
		return out, err
	}
	fact := step.Fact
	if asked, ok := fact.(booking.Requested); ok && r.nameless {
		asked.ProductName = ""
		fact = asked
	}
	out.CorrelationID, out.CausationID, out.RequestID = step.Meta.CorrelationID, step.Meta.CausationID, step.Meta.RequestID
	out.Data, err = shownJSON(fact)
	return out, err
}

// ReplayRecord shows what a record was (R44).
func (s *server) ReplayRecord(c echo.Context, kind AuditedKind, id AuditedID, params ReplayRecordParams) error {
	until, err := untilOf(params)
	if err != nil {
		return err
	}
	r, err := s.open(c, kind, id)
	if err != nil {
		return err
	}
	then, err := s.Commands.Replay(c.Request().Context(), r.stream(), until)
	if err != nil {
		return err
	}
	if until.Revision != nil && *until.Revision != then.Revision {
		return domain.ErrNotFound // it has no such revision yet
	}
	out := RecordReplay{Kind: kind, ID: id, Timeline: r.url() + "/timeline", Blanked: r.nameless}
	if out.Event, err = r.wholeStep(then.Step); err != nil {
		return err
	}
	if out.State, err = r.state(then.State); err != nil {
		return err
	}
	if then.Revision > 0 {
		out.Previous = r.urlAt(then.Revision - 1)
	}
	if then.More {
		out.Next = r.urlAt(then.Revision + 1)
	}
	if commands.IsDecision(then.Step.Fact) {
		out.Decision = r.url() + "/decisions/" + then.Step.ID.String()
	}
	return answer(c, nethttp.StatusOK, out)
}

// untilOf takes at most one of the parameters.
func untilOf(params ReplayRecordParams) (commands.Until, error) {
	var until commands.Until
	var mistakes domain.Fields
	named := 0
	once := func(name string) {
		if named++; named > 1 {
			mistakes.Add(name, "only_one", "revision、position、at 至多给出一个", "at most one of revision, position and at")
		}
	}
	if params.Revision != nil {
		once("revision")
		until.Revision = new(domain.Revision(*params.Revision)) //nolint:gosec // the specification has no negative ones
	}
	if params.Position != nil {
		once("position")
		until.Position = new(domain.Position(*params.Position)) //nolint:gosec // the specification has no negative ones
	}
	if params.At != nil {
		once("at")
		until.At = &params.At.Time
	}
	return until, mistakes.Err()
}

// RecordTimeline lists every step of a record.
func (s *server) RecordTimeline(c echo.Context, kind AuditedKind, id AuditedID, params RecordTimelineParams) error {
	r, err := s.open(c, kind, id)
	if err != nil {
		return err
	}
	filter := history.Filter{
		Stream: r.stream(), After: params.Cursor, Limit: params.Limit, Descending: params.Order == RecordTimelineParamsOrderDesc,
		Total: params.Total,
	}
	var page projections.Page[history.Entry]
	if r.opened {
		page, err = s.told(c.Request().Context(), filter) // the table has it blanked
	} else {
		page, err = s.history.Query(c.Request().Context(), filter)
	}
	if err != nil {
		return inPage(err)
	}
	total, more := totalOf(page.Total)
	return answer(c, nethttp.StatusOK, AuditPage{
		Items: convert(page.Rows, auditEventOf), NextCursor: page.Next, Total: total, TotalIsLowerBound: more,
	})
}

// told is history.Queries.Query of a stream as the log has it, with nothing blanked.
func (s *server) told(ctx context.Context, f history.Filter) (projections.Page[history.Entry], error) {
	stretch, err := history.NewStretch(f)
	if err != nil {
		return projections.Page[history.Entry]{}, err
	}
	var telling history.Telling
	var failed error
	_, err = s.Commands.Walk(ctx, f.Stream, commands.Until{}, func(step commands.Step, _ func() any) bool {
		var entry history.Entry
		entry, failed = telling.Entry(projections.Event{RecordedEvent: step.RecordedEvent, Fact: step.Fact, Meta: step.Meta})
		return failed == nil && stretch.Add(entry)
	})
	return stretch.Page(), errors.Join(err, failed)
}

// RecordChanges compares a record at two of its revisions.
func (s *server) RecordChanges(c echo.Context, kind AuditedKind, id AuditedID, params RecordChangesParams) error {
	r, err := s.open(c, kind, id)
	if err != nil {
		return err
	}
	//nolint:gosec // the specification has no negative ones
	wanted := [2]domain.Revision{domain.Revision(params.From), domain.Revision(params.To)}
	var steps [2]*commands.Step
	var states [2][]byte
	var failed error
	until := commands.Until{Revision: new(max(wanted[0], wanted[1]))}
	_, err = s.Commands.Walk(c.Request().Context(), r.stream(), until, func(step commands.Step, state func() any) bool {
		for i, revision := range wanted {
			if step.Revision == revision && failed == nil {
				steps[i] = &step
				states[i], failed = r.state(state())
			}
		}
		return failed == nil
	})
	switch {
	case err != nil || failed != nil:
		return errors.Join(err, failed)
	case steps[0] == nil || steps[1] == nil:
		return domain.ErrNotFound
	}
	out := RecordChanges{Kind: kind, ID: id}
	if out.From, err = r.step(*steps[0]); err != nil {
		return err
	}
	if out.To, err = r.step(*steps[1]); err != nil {
		return err
	}
	differences, err := compare.Values(states[0], states[1])
	if err != nil {
		return err
	}
	out.Changes = convert(differences, func(d compare.Difference) RecordChange {
		change := RecordChange{Pointer: d.Pointer, Before: d.Before, After: d.After}
		if len(d.Items) > 0 {
			change.Items = convert(d.Items, itemChangeOf)
		}
		return change
	})
	return answer(c, nethttp.StatusOK, out)
}
