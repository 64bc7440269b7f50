package history

import (
	"encoding/json"
	"slices"

	"waybill/domain"
	"waybill/projections"
)

// Telling makes the entries of one stream of its events, as the table has them, except that nothing is blanked: for who may see what was
// deleted. It remembers the stream's current values and no more. The zero value is before the first event.
type Telling struct{ subject subject }

// Entry is that of the stream's next event.
func (t *Telling) Entry(e projections.Event) (Entry, error) {
	id, err := e.Stream.ID()
	if err != nil {
		return Entry{}, err
	}
	s := &t.subject
	s.kind, s.id = e.Stream.Category(), id
	before := s.state
	var c changes
	reasons := s.fold(e.Fact, &c)
	s.state.diff(before, &c)
	if c.err != nil {
		return Entry{}, e.Wrong(c.err)
	}
	return Entry{
		Position: e.Position, Stream: e.Stream, Kind: s.kind, SubjectID: id, Revision: e.Revision, Type: e.Type, EventID: e.ID,
		ActorID: e.Meta.Actor.ID, Role: e.Meta.Actor.Role, At: projections.EventTime(e), CorrelationID: e.Meta.CorrelationID,
		RequestID: e.Meta.RequestID, ProviderID: s.owner(), ContentRevision: c.revision,
		Changes: json.RawMessage(c.json()), Reasons: reasons,
	}, nil
}

// Stretch keeps the entries of one page, and one more to know whether there is another, of a stream that is told in order.
type Stretch struct {
	after      domain.Position
	descending bool
	size       int
	entries    []Entry
	// total is how many were told so far; nil when nobody asks.
	total *projections.Count
}

// NewStretch is for the page of a filter, of which it takes After, Descending, Limit and Total; projections.ErrBadCursor as for Query.
func NewStretch(f Filter) (*Stretch, error) {
	s := &Stretch{descending: f.Descending, size: projections.PageSize(f.Limit)}
	if f.Total {
		s.total = &projections.Count{}
	}
	if f.After == "" {
		return s, nil
	}
	c, err := projections.DecodeCursor(f.After, projections.ListHistory)
	s.after = domain.Position(c.At) //nolint:gosec // a cursor of this list is not below 0
	return s, err
}

// Add takes the stream's next entry, and reports whether the page may need the one after it.
func (s *Stretch) Add(e Entry) (more bool) {
	counting := s.count()
	if s.descending {
		return s.addBefore(e) || counting
	}
	if e.Position > s.after && len(s.entries) <= s.size {
		s.entries = append(s.entries, e)
	}
	return len(s.entries) <= s.size || counting
}

// addBefore keeps the last ones before the cursor.
func (s *Stretch) addBefore(e Entry) (more bool) {
	if s.after != 0 && e.Position >= s.after {
		return false
	}
	if len(s.entries) == 2*(s.size+1) {
		s.entries = append(s.entries[:0], s.entries[s.size+1:]...)
	}
	s.entries = append(s.entries, e)
	return true
}

// count counts as far as lists are, and reports whether it goes on.
func (s *Stretch) count() bool {
	switch {
	case s.total == nil || s.total.AtLeast:
		return false
	case s.total.N == projections.MaxCount:
		s.total.AtLeast = true
		return false
	}
	s.total.N++
	return true
}

// Page is what was kept, in the filter's order.
func (s *Stretch) Page() projections.Page[Entry] {
	entries := s.entries
	if s.descending {
		entries = slices.Clone(entries[max(len(entries)-s.size-1, 0):])
		slices.Reverse(entries)
	}
	page := projections.Cut(entries, s.size, cursorOf)
	page.Total = s.total
	return page
}
