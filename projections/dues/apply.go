package dues

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain/calendar"
	"waybill/domain/workdays"
	"waybill/projections"
)

// Table is where cases are, for a correction to move those that are open.
type Table struct {
	// Name is the table's, without a schema. It has Columns.
	Name string
	// ID is the uuid column by which an open case is found. An index begins with it, and among open cases it is unique.
	ID string
	// Open is the condition of open cases that are due after Days working days, in SQL.
	Open string
	Days int
}

// Apply is a model's fold of a run of events, by the calendar that the log had all the while.
type Apply func(ctx context.Context, tx pgx.Tx, events []projections.Event, c *workdays.Calendar) error

// perStatement bounds how many cases one statement moves.
const perStatement = 1000

// Applying is a read model's Apply: apply of what lies between corrections of the calendar, and of each correction what it does to the open
// cases of the tables.
func Applying(apply Apply, tables ...Table) func(context.Context, pgx.Tx, []projections.Event) error {
	return Folding(apply, func(ctx context.Context, tx pgx.Tx, c Correction) error {
		for _, t := range tables {
			if err := t.recompute(ctx, tx, c.After, c.Correction); err != nil {
				return fmt.Errorf("open cases of %s: %w", t.Name, err)
			}
		}
		return nil
	})
}

// Correction is where the log corrects the calendar.
type Correction struct {
	workdays.Correction
	Event         projections.Event
	Before, After *workdays.Calendar
}

// Folding is Applying of a model that says itself what a correction does.
func Folding(apply Apply, corrected func(context.Context, pgx.Tx, Correction) error,
) func(context.Context, pgx.Tx, []projections.Event) error {
	var known memory
	return func(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
		k, err := known.load(ctx, tx)
		if err != nil {
			return fmt.Errorf("calendar: %w", err)
		}
		for len(events) > 0 {
			n := slices.IndexFunc(events, isCorrection)
			if n == 0 {
				if k, err = k.correct(ctx, tx, events[0], corrected); err != nil {
					return fmt.Errorf("%s@%d: %w", events[0].Stream, events[0].Revision, err)
				}
				events = events[1:]
				continue
			}
			if n < 0 {
				n = len(events)
			}
			if err := apply(ctx, tx, events[:n], k.calendar); err != nil {
				return err
			}
			events = events[n:]
		}
		return nil
	}
}

func isCorrection(e projections.Event) bool {
	_, ok := e.Fact.(calendar.Corrected)
	return ok
}

// kept is a calendar, with the digest of the corrections that made it; none is the zero digest.
type kept struct {
	calendar *workdays.Calendar
	digest   [sha256.Size]byte
}

// memory is the calendar that a projector folded last. The digest in the tables says whether it is theirs: a rebuild fills others.
type memory struct {
	mu   sync.Mutex
	last kept
}

// load is the calendar as the tables have it.
func (m *memory) load(ctx context.Context, tx pgx.Tx) (kept, error) {
	now := kept{calendar: workdays.Standard()}
	var digest []byte
	err := tx.QueryRow(ctx, `SELECT digest FROM corrections ORDER BY revision DESC LIMIT 1`).Scan(&digest)
	if errors.Is(err, pgx.ErrNoRows) {
		return now, nil
	}
	if err != nil {
		return now, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last.calendar != nil && string(m.last.digest[:]) == string(digest) {
		return m.last, nil
	}
	rows, _ := tx.Query(ctx, `SELECT correction FROM corrections ORDER BY revision`)
	all, err := pgx.CollectRows(rows, pgx.RowTo[workdays.Correction])
	if err != nil {
		return now, err
	}
	for _, correction := range all {
		now.calendar = now.calendar.After(correction)
	}
	now.digest = [sha256.Size]byte(digest)
	m.last = now
	return now, nil
}

// correct makes the next version, and has the model fold that it is.
func (k kept) correct(ctx context.Context, tx pgx.Tx, e projections.Event,
	corrected func(context.Context, pgx.Tx, Correction) error,
) (kept, error) {
	fact, ok := e.Fact.(calendar.Corrected)
	if !ok {
		return k, e.Wrong(fmt.Errorf("%s is no correction", e.Type))
	}
	raw, err := json.Marshal(fact.Correction)
	if err != nil {
		return k, err
	}
	next := kept{calendar: k.calendar.After(fact.Correction), digest: sha256.Sum256(append(k.digest[:], raw...))}
	if next.calendar.Version() != fact.Version {
		return k, e.Wrong(fmt.Errorf("a correction of %s makes %s, not %s", k.calendar.Version(), next.calendar.Version(), fact.Version))
	}
	if _, err := tx.Exec(ctx, `INSERT INTO corrections (revision, version, correction, digest) VALUES ($1, $2, $3, $4)`,
		e.Revision, fact.Version, raw, next.digest[:]); err != nil {
		return k, err
	}
	return next, corrected(ctx, tx, Correction{Correction: fact.Correction, Event: e, Before: k.calendar, After: next.calendar})
}

// openCase is what a due time is computed from.
type openCase struct {
	ID   uuid.UUID
	From time.Time
}

// recompute computes the open cases anew that the correction can move: workdays.Correction.Touches, in SQL. One pass reads them, by a
// cursor that does not see what is written meanwhile; a rebuild has no other index than the keys.
func (t Table) recompute(ctx context.Context, tx pgx.Tx, c *workdays.Calendar, correction workdays.Correction) error {
	first, last, ok := correction.Span()
	if !ok {
		return nil
	}
	if _, err := tx.Exec(ctx, `DECLARE open_cases NO SCROLL CURSOR FOR SELECT `+t.ID+`, due_from FROM `+t.Name+`
		WHERE `+t.Open+` AND (due_estimated OR (due_from < '`+literal(last)+`' AND due_at > '`+literal(first)+`'))`); err != nil {
		return err
	}
	for {
		rows, _ := tx.Query(ctx, `FETCH `+strconv.Itoa(perStatement)+` FROM open_cases`)
		cases, err := pgx.CollectRows(rows, pgx.RowToStructByPos[openCase])
		if err != nil {
			return err
		}
		if err := t.write(ctx, tx, c, cases); err != nil {
			return err
		}
		if len(cases) < perStatement {
			break
		}
	}
	_, err := tx.Exec(ctx, `CLOSE open_cases`)
	return err
}

// literal is when a day begins, for a statement that takes no arguments.
func literal(d workdays.Day) string { return d.Start().Format(time.RFC3339) }

// write computes the cases that were read, and writes them in one statement.
func (t Table) write(ctx context.Context, tx pgx.Tx, c *workdays.Calendar, cases []openCase) error {
	if len(cases) == 0 {
		return nil
	}
	ids, at, estimated := make(projections.Keys, len(cases)), make([]time.Time, len(cases)), make([]bool, len(cases))
	for i, one := range cases {
		due := c.Due(one.From, t.Days)
		ids[i], at[i], estimated[i] = one.ID, due.At, due.Estimated
	}
	_, err := tx.Exec(ctx, `UPDATE `+t.Name+` SET due_at = new_at, due_estimated = new_estimated, due_calendar = $4
		FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) AS new (case_id, new_at, new_estimated)
		WHERE `+t.ID+` = case_id AND `+t.Open, ids, at, estimated, c.Version())
	return err
}
