package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	var mistakes domain.Fields
	until := point{[3]string{"revision", "position", "at"}, params.Revision, params.Position, params.At}.until(&mistakes)
	if err := mistakes.Err(); err != nil {
		return err
	}
	r, err := s.open(c, kind, id)
	if err != nil {
		return err
	}
	then, err := s.at(c.Request().Context(), r, until)
	if err != nil {
		return err
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

// point is where a caller wants to see a record: after a revision, or at a position or a time. The names are its parameters'.
type point struct {
	names    [3]string
	revision *int64
	position *int64
	at       *Instant
}

// until is the end of what is folded; a caller who names more than one is told so.
func (p point) until(mistakes *domain.Fields) commands.Until {
	var until commands.Until
	named := 0
	once := func(name string) {
		if named++; named > 1 {
			mistakes.Add(name, "only_one", fmt.Sprintf("%s、%s、%s 至多给出一个", p.names[0], p.names[1], p.names[2]),
				fmt.Sprintf("at most one of %s, %s and %s", p.names[0], p.names[1], p.names[2]))
		}
	}
	if p.revision != nil {
		once(p.names[0])
		until.Revision = new(domain.Revision(*p.revision)) //nolint:gosec // the specification has no negative ones
	}
	if p.position != nil {
		once(p.names[1])
		until.Position = new(domain.Position(*p.position)) //nolint:gosec // the specification has no negative ones
	}
	if p.at != nil {
		once(p.names[2])
		until.At = &p.at.Time
	}
	return until
}

// at replays a record up to a point. One that has no such revision yet is not found, and a position that the log does not have yet is
// refused: what it names is not settled.
func (s *server) at(ctx context.Context, r record, until commands.Until) (commands.Replayed, error) {
	if until.Position != nil {
		if there, err := s.waiting.head.has(ctx, *until.Position); err != nil || !there {
			return commands.Replayed{}, cmp.Or(err, error(errNotThere))
		}
	}
	then, err := s.Commands.Replay(ctx, r.stream(), until)
	if err == nil && until.Revision != nil && *until.Revision != then.Revision {
		err = domain.ErrNotFound
	}
	return then, err
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

// RecordChanges compares a record at two of its points.
func (s *server) RecordChanges(c echo.Context, kind AuditedKind, id AuditedID, params RecordChangesParams) error {
	ends := [2]point{
		{[3]string{"from", "from_position", "from_at"}, params.From, params.FromPosition, params.FromAt},
		{[3]string{"to", "to_position", "to_at"}, params.To, params.ToPosition, params.ToAt},
	}
	var untils [2]commands.Until
	var mistakes domain.Fields
	for i, end := range ends {
		untils[i] = end.until(&mistakes)
	}
	if err := mistakes.Err(); err != nil {
		return err
	}
	if untils[0] == (commands.Until{}) {
		untils[0].Revision = new(domain.Revision)
	}
	r, err := s.open(c, kind, id)
	if err != nil {
		return err
	}
	var steps [2]RecordStep
	var states [2][]byte
	for i, until := range untils {
		then, err := s.at(c.Request().Context(), r, until)
		if err != nil {
			return err
		}
		if steps[i], err = r.step(then.Step); err != nil {
			return err
		}
		if states[i], err = r.state(then.State); err != nil {
			return err
		}
	}
	out := RecordChanges{Kind: kind, ID: id, From: steps[0], To: steps[1]}
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
