package history

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/projections"
)

// Filter narrows the history; empty and nil fields do not. From is inclusive, To exclusive.
type Filter struct {
	Stream   domain.StreamName
	Kind     string
	Type     string
	Role     domain.Role
	Decision Decision
	// Reason is a code.
	Reason string
	// Actor, when it is the nil id, is the system.
	Actor *uuid.UUID
	// Provider is whose it is: its own stream and all that belongs to it (owner.go).
	Provider      *uuid.UUID
	EventID       *uuid.UUID
	CorrelationID *uuid.UUID
	RequestID     string
	From          *time.Time
	To            *time.Time
	// Text is words, each of which stands somewhere in what was typed. What a deleted product had is not found.
	Text       string
	After      string
	Descending bool
	Limit      int
	// Total asks for Page.Total.
	Total bool
}

// source is where the entries of a filter are looked for: the one index that has them in the order of their positions. What it does not
// tell is checked of each.
type source struct {
	table string // of e
	// by are the columns of the index before the position, with their values; classes come behind them, one by one, if it has them.
	by      []column
	byClass bool
	// check is all that is asked for beside them.
	check checks
	// classes are those of the filter, ascending; all is set when that is all there are.
	classes []int64
	all     bool
	// first and last bound the positions.
	first, last int64
}

type column struct {
	name  string
	value any
}

// checks are conditions and their arguments. None of them is of a form that an index serves or that statistics say anything about, or the
// planner would think another way better than that of the source.
type checks []struct {
	sql  string
	args []any
}

// fenced is a condition that means the same to a row and nothing to the planner.
func fenced(condition string) string { return "CASE WHEN " + condition + " THEN true END" }

func (c *checks) add(sql string, args ...any) {
	*c = append(*c, struct {
		sql  string
		args []any
	}{sql, args})
}

// source chooses by what finds the fewest. None of the choices reads more than a page of entries when two filters never meet, but for
// those of one stream, one request and one event, which are few, and for three filters.
func (f *Filter) source() source {
	s := source{table: tableEntries + " e"}
	left := *f
	switch {
	case f.EventID != nil:
		s.by = append(s.by, column{"event_id", *f.EventID})
		left.EventID = nil
	case f.CorrelationID != nil:
		s.by = append(s.by, column{"correlation_id", *f.CorrelationID})
		left.CorrelationID = nil
	case f.RequestID != "":
		s.by = append(s.by, column{"request_id", f.RequestID})
		left.RequestID = ""
	case f.Stream != "":
		id, _ := f.Stream.ID()
		s.by = append(s.by, column{"subject_id", id})
		s.byClass = true
	case f.Reason != "" && f.Provider != nil:
		s.table = tableCodes + " e"
		s.by = append(s.by, column{"provider_id", *f.Provider})
		s.by = append(s.by, column{"code", f.Reason})
		left.Reason, left.Provider = "", nil
	case f.Reason != "" && f.Actor != nil:
		s.table = tableCodes + " e"
		s.by = append(s.by, column{"actor_id", *f.Actor})
		s.by = append(s.by, column{"code", f.Reason})
		left.Reason, left.Actor = "", nil
	case f.Reason != "":
		s.table = tableCodes + " e"
		s.by = append(s.by, column{"code", f.Reason})
		s.byClass = true
		left.Reason = ""
	case f.Provider != nil && f.Actor != nil:
		s.by = append(s.by, column{"provider_id", *f.Provider})
		s.by = append(s.by, column{"actor_id", *f.Actor})
		left.Provider, left.Actor = nil, nil
	case f.Provider != nil:
		s.by = append(s.by, column{"provider_id", *f.Provider})
		s.byClass = true
		left.Provider = nil
	case f.Actor != nil:
		s.by = append(s.by, column{"actor_id", *f.Actor})
		s.byClass = true
		left.Actor = nil
	default:
		s.byClass = true
	}
	s.check = left.checks(s.table == tableEntries+" e")
	if f.few() {
		for _, word := range f.words() {
			s.check.add("(SELECT strpos(x.text, ?) > 0 FROM "+tableTexts+" x WHERE x.position = e.position)", word)
		}
	}
	return s
}

// few reports whether the filter names what has few entries, so that texts are looked for among them.
func (f *Filter) few() bool {
	return f.EventID != nil || f.CorrelationID != nil || f.RequestID != "" || f.Stream != ""
}

// checks are the conditions of the filter on an entry e, except on its class. Of codes, which have not all of an entry, those that
// entries have are looked up.
func (f *Filter) checks(entries bool) checks {
	var c checks
	of := func(condition string) string {
		if entries {
			return fenced("e." + condition)
		}
		return "(SELECT x." + condition + " FROM " + tableEntries + " x WHERE x.position = e.position)"
	}
	if f.EventID != nil {
		c.add(of("event_id = ?"), *f.EventID)
	}
	if f.CorrelationID != nil {
		c.add(of("correlation_id = ?"), *f.CorrelationID)
	}
	if f.RequestID != "" {
		c.add(of("request_id = ?"), f.RequestID)
	}
	if id, err := f.Stream.ID(); err == nil {
		c.add(of("subject_id = ?"), id)
	}
	if f.Provider != nil {
		c.add(of("provider_id = ?"), *f.Provider)
	}
	if f.Actor != nil {
		c.add(of("actor_id = ?"), *f.Actor)
	}
	if f.Reason != "" {
		c.add("(SELECT true FROM "+tableCodes+" x WHERE x.position = e.position AND x.code = ?)", f.Reason)
	}
	if f.From != nil {
		c.add(of("at >= ?"), *f.From)
	}
	if f.To != nil {
		c.add(of("at < ?"), *f.To)
	}
	return c
}

// and adds the checks, and that the class is one of the filter's when no index says so.
func (s *source) and(w *projections.Where) {
	for _, c := range s.check {
		w.And(c.sql, c.args...)
	}
	if !s.byClass && !s.all {
		w.And(fenced("e.class = ANY (?)"), s.classes)
	}
}

// stretch selects the positions of the source between two positions, which are SQL, in its order or in the opposite. The last
// column before the position is compared together with it: for an equal value and an order by position the planner would rather walk along
// the primary key, where it expects enough of them. The columns before that are equal: of what is compared as a row the index would be read
// to the end of the first column's value.
func (s *source) stretch(w projections.Where, class, first, last string, descending bool, limit string) (string, projections.Where) {
	direction := ""
	if descending {
		direction = " DESC"
	}
	type bound struct{ name, value string }
	var before []bound
	for _, c := range s.by {
		w.Args = append(w.Args, c.value)
		before = append(before, bound{"e." + c.name, "$" + strconv.Itoa(len(w.Args))})
		if c.name == "provider_id" {
			w.And("e.provider_id IS NOT NULL")
		}
	}
	if class != "" {
		before = append(before, bound{"e.class", class})
	}
	name, value, sorted := "", "", ""
	for i, b := range before {
		if i < len(before)-1 {
			w.And(b.name + " = " + b.value)
			continue
		}
		name, value, sorted = b.name+", ", b.value+", ", b.name+direction+", "
	}
	w.And("(" + name + "e.position) >= (" + value + first + ")")
	w.And("(" + name + "e.position) <= (" + value + last + ")")
	s.and(&w)
	return "SELECT e.position FROM " + s.table + w.SQL() + " ORDER BY " + sorted + "e.position" + direction + limit, w
}

// positions selects those of the source between two positions, which are SQL. Of each class at most as many are read as are asked for.
func (s *source) positions(first, last string, args []any, descending bool, limit string) (string, []any) {
	return s.some(first, last, args, descending, limit, order(descending)+limit)
}

// some is positions with what stands behind those of several classes: an order is nothing that they need to be counted.
func (s *source) some(first, last string, args []any, descending bool, limit, end string) (string, []any) {
	w := projections.Where{Args: args}
	class := ""
	switch {
	case !s.byClass || s.all && len(s.by) == 0:
	case len(s.classes) == 1:
		class = "'" + strconv.FormatInt(s.classes[0], 10) + "'::bigint"
	default:
		class = "c.class"
	}
	sql, w := s.stretch(w, class, first, last, descending, limit)
	if class != "c.class" {
		return sql, w.Args
	}
	w.Args = append(w.Args, s.classes)
	return fmt.Sprintf("SELECT e.position FROM unnest($%d::bigint[]) c (class) CROSS JOIN LATERAL (%s) e%s",
		len(w.Args), sql, end), w.Args
}

func order(descending bool) string {
	if descending {
		return " ORDER BY e.position DESC"
	}
	return " ORDER BY e.position"
}
