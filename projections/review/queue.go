package review

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/projections"
)

// Decided as a Filter's State is approved and rejected together.
const Decided domain.Review = "decided"

// Flag is something that a submission has or has not.
type Flag string

// The flags. Those of claims and take-downs are of pending ones only.
const (
	Mismatch      Flag = "mismatch"       // it differs from the certificate
	Finding       Flag = "finding"        // the rule book found something
	Resubmitted   Flag = "resubmitted"    // after a rejection, without an approval since
	FirstApproved Flag = "first_approved" // it has the first of two approvals
	Revoked       Flag = "revoked"        // an approval was revoked
	TakenDown     Flag = "taken_down"     // an operator took the product down
	Claimed       Flag = "claimed"        // somebody holds it
	Unclaimed     Flag = "unclaimed"      // nobody does
	Mine          Flag = "mine"           // Filter.Reviewer does
)

// column is a flag that columns tell: of cases (open) and of submissions that are not pending (past), in SQL.
type column struct {
	name       Flag
	open, past string
}

var flags = []column{
	{Mismatch, "mismatch", "cardinality(mismatches) > 0"},
	{Finding, "finding", "finding"},
	{Resubmitted, "resubmitted", "round > 1"},
	{FirstApproved, "first_approved", "first_approval IS NOT NULL"},
	{Revoked, "revoked", "revocation IS NOT NULL"},
	{TakenDown, "taken_down", ""},
}

// Pending reports whether only pending submissions can have the flag.
func (f Flag) Pending() bool {
	return !slices.ContainsFunc(flags, func(c column) bool { return c.name == f && c.past != "" })
}

// Filter narrows the review queue; what is zero keeps all. State "" is domain.ReviewPending.
type Filter struct {
	Kind  string
	State domain.Review
	// OlderThan keeps what came into its state before, YoungerThan what did then or later.
	OlderThan, YoungerThan *time.Time
	// DueBefore and DueAfter bound when a pending one is due: before, and then or later.
	DueBefore, DueAfter *time.Time
	// Overdue asks whether the time of a pending one is over, or a decision came too late.
	Overdue *bool
	// Submitter is the account that submitted it, Provider whose it is, Subject the product or provider itself.
	Submitter, Provider, Subject *uuid.UUID
	ProviderType                 string
	// Flags are those that it must have, all of them.
	Flags []Flag
	// Now is when it is asked: for what is overdue, and whether a claim's time is over. Reviewer is whose Mine is.
	Now      time.Time
	Reviewer uuid.UUID
	After    string
	Limit    int
	// Total asks for Page.Total.
	Total bool
}

// The states as SQL: a partial index is chosen for a literal only.
const (
	sqlPending = `'` + string(domain.ReviewPending) + `'`
	sqlDecided = `('` + string(domain.ReviewApproved) + `', '` + string(domain.ReviewRejected) + `')`
	// sqlShown is of cases, sqlPast and sqlLate are of submissions.
	sqlShown = `NOT withheld`
	sqlPast  = `state <> ` + sqlPending
	sqlLate  = `decided_at >= due_at`
)

// Queue lists submissions in one state: pending ones by what is due first, and so what is overdue before all else; others by what came
// into their state last. A pending one that a correction of the calendar moves while somebody turns the pages may be missed, or come twice.
func (q Queries) Queue(ctx context.Context, f Filter) (projections.Page[Submission], error) {
	if f.State == "" || f.State == domain.ReviewPending {
		return q.page(ctx, f, pendingList)
	}
	return q.page(ctx, f, pastList)
}

// list is one of the two orders of the queue.
type list struct {
	of projections.List
	// from is the table of its keys, and keys the columns that sort them.
	from, keys string
	descending bool
	where      func(Filter, *projections.Where)
	after      func(*projections.Where, projections.Cursor)
	cursor     func(Submission) projections.Cursor
}

var (
	pendingList = list{
		of: projections.ListReviewQueue, from: tableCases, keys: `due_at, due_from, subject_id`, where: Filter.pending,
		after: func(w *projections.Where, c projections.Cursor) {
			w.And("(due_at, due_from, subject_id) > (?, ?, ?)", c.Time(), time.UnixMicro(c.Then).UTC(), c.ID)
		},
		cursor: func(s Submission) projections.Cursor {
			c := projections.CursorAt(false, s.DueAt, s.SubjectID)
			c.Then = s.DueFrom.UnixMicro()
			return c
		},
	}
	pastList = list{
		of: projections.ListReviewDecided, from: tableSubmissions, keys: `since, subject_id, content_revision`,
		descending: true, where: Filter.past,
		after: func(w *projections.Where, c projections.Cursor) {
			w.And("(since, subject_id, content_revision) < (?, ?, ?)", c.Time(), c.ID, int64(c.Revision))
		},
		cursor: func(s Submission) projections.Cursor {
			c := projections.CursorAt(false, s.Since, s.SubjectID)
			c.Revision = uint32(s.ContentRevision)
			return c
		},
	}
)

// page finds the keys of a page first: all else is looked up for its rows alone.
func (q Queries) page(ctx context.Context, f Filter, l list) (projections.Page[Submission], error) {
	var none projections.Page[Submission]
	var w projections.Where
	l.where(f, &w)
	total, err := projections.Total(ctx, q.DB, f.Total, `SELECT FROM `+l.from+w.SQL(), w.Args...)
	if err != nil {
		return none, err
	}
	if f.After != "" {
		c, err := projections.DecodeCursor(f.After, l.of)
		if err != nil {
			return none, err
		}
		l.after(&w, c)
	}
	order := orderBy(l.keys, l.descending)
	size := projections.PageSize(f.Limit)
	rows, _ := q.DB.Query(ctx, `SELECT `+listColumns+` FROM (SELECT subject_id AS id, content_revision AS of, `+l.keys+` FROM `+l.from+w.SQL()+
		order+projections.LimitClause(size)+`) found JOIN `+tableSubmissions+` s ON s.subject_id = found.id AND s.content_revision = found.of`+
		aroundSubmission+orderBy(l.keys, l.descending, "found."), projections.Planned(w.Args)...)
	found, err := submissions(rows)
	if err != nil {
		return none, fmt.Errorf("review queue: %w", err)
	}
	page := projections.Cut(found, size, func(s Submission) string { return l.cursor(s).Encode(l.of) })
	page.Total = total
	return page, nil
}

// orderBy sorts by keys of a table, which a prefix names.
func orderBy(keys string, descending bool, prefix ...string) string {
	columns := strings.Split(keys, ", ")
	for i := range columns {
		columns[i] = strings.Join(prefix, "") + columns[i]
		if descending {
			columns[i] += " DESC"
		}
	}
	return " ORDER BY " + strings.Join(columns, ", ")
}

// pending are the conditions on cases. Each stands for an index in the queue's order, or for a part of one.
func (f Filter) pending(w *projections.Where) {
	w.And(sqlShown)
	f.common(w)
	if f.Kind != "" {
		w.And("kind = ?", f.Kind)
	}
	// What came later is due later, among those of a kind: so its due times bound a filter by age, and nothing outside them is looked at.
	if f.OlderThan != nil {
		w.And("due_from < ?", *f.OlderThan)
		w.And("due_at <= "+f.dueOf("max", "due_from < ?", "due_from DESC"), f.dueArgs(*f.OlderThan)...)
	}
	if f.YoungerThan != nil {
		w.And("due_from >= ?", *f.YoungerThan)
		w.And("due_at >= "+f.dueOf("min", "due_from >= ?", "due_from"), f.dueArgs(*f.YoungerThan)...)
	}
	if f.DueBefore != nil {
		w.And("due_at < ?", *f.DueBefore)
	}
	if f.DueAfter != nil {
		w.And("due_at >= ?", *f.DueAfter)
	}
	if f.Overdue != nil {
		w.And("due_at "+map[bool]string{true: "<=", false: ">"}[*f.Overdue]+" ?", f.Now)
	}
	if f.ProviderType != "" {
		w.And("provider_type = ?", f.ProviderType)
		// While all cases are of one type the planner takes any for that one, and would walk the queue for one that there is not.
		w.And("(SELECT min(provider_type) FROM "+tableCases+" WHERE "+sqlShown+" AND provider_type >= ?) = ?", f.ProviderType, f.ProviderType)
	}
	for _, flag := range flags {
		if slices.Contains(f.Flags, flag.name) {
			w.And(flag.open)
		}
	}
	// Claims are few: those that hold something now are looked up first, or one by one along the way.
	held := "SELECT case_id FROM " + tableClaims + " WHERE until > ?"
	if slices.Contains(f.Flags, Claimed) {
		w.And("subject_id = ANY (ARRAY("+held+"))", f.Now)
	}
	if slices.Contains(f.Flags, Mine) {
		w.And("subject_id = ANY (ARRAY("+held+" AND reviewer = ?))", f.Now, f.Reviewer)
	}
	if slices.Contains(f.Flags, Unclaimed) {
		w.And("NOT EXISTS ("+held+" AND case_id = subject_id)", f.Now)
	}
}

// kinds are those that the filter keeps.
func (f Filter) kinds() []string {
	if f.Kind != "" {
		return []string{f.Kind}
	}
	return Kinds
}

// dueOf is the least or greatest due time of what a condition on due_from keeps: of each kind, the first in an order.
func (f Filter) dueOf(which, condition, order string) string {
	var parts string
	for i := range f.kinds() {
		if i > 0 {
			parts += " UNION ALL "
		}
		parts += "(SELECT due_at FROM " + tableCases + " WHERE " + sqlShown + " AND kind = ? AND " + condition + " ORDER BY " + order + " LIMIT 1)"
	}
	return "(SELECT " + which + "(due_at) FROM (" + parts + ") bound)"
}

func (f Filter) dueArgs(at time.Time) (args []any) {
	for _, kind := range f.kinds() {
		args = append(args, kind, at)
	}
	return args
}

// past are the conditions on submissions that are not pending.
func (f Filter) past(w *projections.Where) {
	w.And(sqlPast)
	of := func(condition string) string { return condition }
	if f.rare() {
		// Nobody counts for the planner how rare a flag is, and it would walk along a state: so that is nothing it can use.
		of = func(condition string) string { return "CASE WHEN " + condition + " THEN true END" }
	}
	if f.State == Decided {
		w.And(of("state IN " + sqlDecided))
	} else {
		w.And(of("state = ?"), string(f.State))
	}
	f.common(w)
	if f.Kind != "" {
		w.And(of("kind = ?"), f.Kind)
	}
	if f.OlderThan != nil {
		w.And("since < ?", *f.OlderThan)
	}
	if f.YoungerThan != nil {
		w.And("since >= ?", *f.YoungerThan)
	}
	switch {
	case f.Overdue == nil:
	case *f.Overdue:
		w.And(sqlLate)
	default:
		w.And("decided_at < due_at")
	}
	if f.ProviderType != "" {
		w.And(of("provider_type = ?"), f.ProviderType)
	}
	for _, flag := range flags {
		if slices.Contains(f.Flags, flag.name) && flag.past != "" {
			w.And(flag.past)
		}
	}
}

// rare reports whether something is asked for that has an index of its own among what is not pending.
func (f Filter) rare() bool {
	flagged := slices.ContainsFunc(flags, func(c column) bool { return c.past != "" && slices.Contains(f.Flags, c.name) })
	return flagged || f.Overdue != nil && *f.Overdue
}

// common are the conditions that cases and submissions have the same columns for.
func (f Filter) common(w *projections.Where) {
	for _, by := range []struct {
		column string
		id     *uuid.UUID
	}{{"submitted_by", f.Submitter}, {"provider_id", f.Provider}, {"subject_id", f.Subject}} {
		if by.id != nil {
			w.And(by.column+" = ?", *by.id)
		}
	}
}
