package review

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
)

// Kinds are the kinds of cases, the categories of their subjects' streams.
var Kinds = []string{product.Category, provider.Category}

// Case is a subject whose latest submission awaits a decision.
type Case struct {
	// Kind is the category of the subject's stream, ID the subject's, and Revision its latest submission.
	Kind       string
	ID         uuid.UUID
	ProviderID uuid.UUID
	Revision   domain.ContentRevision
}

// UnclaimedFilter narrows the cases that nobody holds. Empty texts keep all; Now is when a claim has ended.
type UnclaimedFilter struct {
	Kind, ProviderType string
	Now                time.Time
	// NotOf are providers whose cases are left out.
	NotOf []uuid.UUID
}

// Unclaimed are the first cases of the queue, in its order, that nobody holds, at most limit; with the position that the read model had
// reached, 0 when there are none.
func (q Queries) Unclaimed(ctx context.Context, f UnclaimedFilter, limit int) ([]Case, domain.Position, error) {
	var w projections.Where
	filter := Filter{Kind: f.Kind, ProviderType: f.ProviderType, Flags: []Flag{Unclaimed}, Now: f.Now}
	filter.pending(&w)
	if len(f.NotOf) > 0 {
		w.And("provider_id <> ALL (?)", f.NotOf)
	}
	rows, _ := q.DB.Query(ctx, `SELECT kind, subject_id AS id, provider_id, content_revision AS revision,
		(SELECT position FROM projections.checkpoints WHERE projection = '`+schema+`') FROM `+tableCases+w.SQL()+
		orderBy(pendingList.keys, false)+` LIMIT `+strconv.Itoa(limit), w.Args...)
	var (
		cases   []Case
		c       Case
		reached int64
	)
	_, err := pgx.ForEachRow(rows, []any{&c.Kind, &c.ID, &c.ProviderID, &c.Revision, &reached}, func() error {
		cases = append(cases, c)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("unclaimed cases: %w", err)
	}
	return cases, domain.Position(reached), nil //nolint:gosec // positions are never negative
}

// ClaimedBy is the kind and the id of the case on which a claim stands that nobody ended, its time over or not; domain.ErrNotFound
// without one.
func (q Queries) ClaimedBy(ctx context.Context, claim uuid.UUID) (kind string, id uuid.UUID, err error) {
	err = q.DB.QueryRow(ctx, `SELECT kind, case_id FROM `+tableClaims+` WHERE claim = $1`, claim).Scan(&kind, &id)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", uuid.Nil, domain.ErrNotFound
	}
	if err != nil {
		return "", uuid.Nil, fmt.Errorf("case of a claim: %w", err)
	}
	return kind, id, nil
}

// KindCount counts the cases of one kind that await a decision.
type KindCount struct {
	Kind string
	// Overdue are those due at the moment asked for or before, DueToday those due after it and until the end of its day.
	Open, Overdue, DueToday int
	// Oldest is when the first of them is, or was, due; nil without any.
	Oldest *time.Time
}

// Open counts what awaits a decision at a moment, by kind, those of which nothing is open too. What belongs to a closed provider awaits
// none. It reads a row for each day on which something is due.
func (q Queries) Open(ctx context.Context, at time.Time) ([]KindCount, error) {
	rows, _ := q.DB.Query(ctx, `SELECT kind, sum(n)::bigint AS open, coalesce(sum(n) FILTER (WHERE due_at <= $1), 0)::bigint AS overdue,
		coalesce(sum(n) FILTER (WHERE due_at > $1 AND due_at <= $2), 0)::bigint AS due_today, min(due_at) AS oldest
		FROM `+tableDueCounts+` GROUP BY kind`, at, endOfDay(at))
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[KindCount])
	if err != nil {
		return nil, fmt.Errorf("count what is open: %w", err)
	}
	return ofEveryKind(found), nil
}

// endOfDay is 24:00 in Beijing of a moment's day.
func endOfDay(at time.Time) time.Time { return (workdays.DayOf(at) + 1).Start() }

// ofEveryKind has each kind, also those of which nothing was found.
func ofEveryKind(found []KindCount) []KindCount {
	counts := make([]KindCount, len(Kinds))
	for i, kind := range Kinds {
		counts[i].Kind = kind
		if j := slices.IndexFunc(found, func(c KindCount) bool { return c.Kind == kind }); j >= 0 {
			counts[i] = found[j]
			projections.UTC(counts[i].Oldest)
		}
	}
	return counts
}

// Pending counts the submissions of one kind that await a decision.
func (q Queries) Pending(ctx context.Context, kind string) (projections.Count, error) {
	var c projections.Count
	err := q.DB.QueryRow(ctx, `SELECT coalesce(sum(n), 0)::bigint FROM `+tableDueCounts+` WHERE kind = $1`, kind).Scan(&c.N)
	if err != nil {
		return c, fmt.Errorf("count what is pending: %w", err)
	}
	if c.N > projections.MaxCount {
		c = projections.Count{N: projections.MaxCount, AtLeast: true}
	}
	return c, nil
}

// DeskCount counts the submissions of one kind.
type DeskCount struct {
	KindCount
	// States counts those that do not await a decision, by their state.
	States map[domain.Review]int
	// Claimed are the open ones that somebody holds.
	Claimed int
}

// Counts is Open, with what reviewers want to know beside: how much was done, and how much is in somebody's hands.
func (q Queries) Counts(ctx context.Context, at time.Time) ([]DeskCount, error) {
	open, err := q.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	counts := make([]DeskCount, len(open))
	of := map[string]*DeskCount{}
	for i := range counts {
		counts[i] = DeskCount{KindCount: open[i], States: map[domain.Review]int{}}
		of[open[i].Kind] = &counts[i]
	}
	rows, _ := q.DB.Query(ctx, `SELECT kind, state, n FROM `+tableStateCounts+` WHERE `+sqlPast+` UNION ALL
		SELECT c.kind, '', count(*) FROM `+tableClaims+` k JOIN `+tableCases+` c ON c.subject_id = k.case_id
		WHERE k.until > $1 AND `+sqlShown+` GROUP BY c.kind`, at)
	var (
		kind, state string
		n           int
	)
	_, err = pgx.ForEachRow(rows, []any{&kind, &state, &n}, func() error {
		if state == "" {
			of[kind].Claimed = n
		} else {
			of[kind].States[domain.Review(state)] = n
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count submissions: %w", err)
	}
	return counts, nil
}

// ExpiredClaim is a claim whose time is over and that nobody ended.
type ExpiredClaim struct{ Case, Claim uuid.UUID }

// ExpiredClaims are the claims that ended by now, in the order in which they did; at most limit.
func (q Queries) ExpiredClaims(ctx context.Context, now time.Time, limit int) ([]ExpiredClaim, error) {
	rows, _ := q.DB.Query(ctx, `SELECT case_id, claim FROM `+tableClaims+` WHERE until <= $1 ORDER BY until, case_id LIMIT `+strconv.Itoa(limit), now)
	expired, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ExpiredClaim])
	if err != nil {
		return nil, fmt.Errorf("expired claims: %w", err)
	}
	return expired, nil
}
