package workload

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain/workdays"
	"waybill/projections"
)

// MaxDays is how many days a report covers at most: a year's decisions are read one by one.
const MaxDays = 366

// Filter says which days a report is of, both included, in Beijing; empty, Kind is every kind.
type Filter struct {
	From, To workdays.Day
	Kind     string
}

// Work is what one reviewer did in the days of a report, or everybody together.
type Work struct {
	// Reviewer is the nil id of everybody together.
	Reviewer uuid.UUID
	// Claimed counts the claims that began in these days, the others those that so ended in them.
	Claimed, HandedBack, Expired, TakenOver int
	// Approved, FirstApproved and Rejected count decisions of these days, Revoked the approvals that this reviewer revoked in them.
	Approved, FirstApproved, Rejected, Revoked int
	// Overturned counts approvals of these days, first ones too, that somebody revoked, whenever that was.
	Overturned int
	// FromClaim is of the decisions under a claim, FromSubmission of all: from the submission, or the revocation, that made it wait.
	FromClaim, FromSubmission Times
}

// Decided counts the decisions: each of two approvers has one.
func (w Work) Decided() int { return w.Approved + w.FirstApproved + w.Rejected }

// Times are how long N decisions took: the least time within which half of them, and nine in ten, were made. The working ones count
// working time alone, of the days as the calendar has them. All are 0 when N is.
type Times struct {
	N int

	Median, P90, WorkingMedian, WorkingP90 time.Duration
}

// Report is the work of everybody together, and of each who did something, whoever decided most first.
type Report struct {
	Everybody Work
	Reviewers []Work
}

// Queries reads the workload.
type Queries struct{ DB projections.Querier }

// work collects what one reviewer did.
type work struct {
	Work
	fromClaim, fromSubmission stretches
}

// stretches are lengths of time, by the clock and in working time.
type stretches struct{ elapsed, working []time.Duration }

// Report counts the days of a filter, by a calendar. It reads each decision of these days once.
func (q Queries) Report(ctx context.Context, f Filter, calendar *workdays.Calendar) (Report, error) {
	all := map[uuid.UUID]*work{uuid.Nil: {}}
	if err := q.claims(ctx, f, all); err != nil {
		return Report{}, err
	}
	if err := q.decisions(ctx, f, calendar, all); err != nil {
		return Report{}, err
	}
	var r Report
	for id, w := range all {
		w.FromClaim, w.FromSubmission = w.fromClaim.times(), w.fromSubmission.times()
		if w.Reviewer = id; id == uuid.Nil {
			r.Everybody = w.Work
			continue
		}
		r.Reviewers = append(r.Reviewers, w.Work)
	}
	slices.SortFunc(r.Reviewers, func(a, b Work) int {
		return cmp.Or(cmp.Compare(b.Decided(), a.Decided()), bytes.Compare(a.Reviewer[:], b.Reviewer[:]))
	})
	return r, nil
}

// both are a reviewer's work and everybody's.
func both(all map[uuid.UUID]*work, reviewer uuid.UUID) [2]*work {
	w, ok := all[reviewer]
	if !ok {
		w = &work{}
		all[reviewer] = w
	}
	return [2]*work{w, all[uuid.Nil]}
}

func (q Queries) claims(ctx context.Context, f Filter, all map[uuid.UUID]*work) error {
	rows, _ := q.DB.Query(ctx, `SELECT reviewer, what, count(*) FROM (
			SELECT reviewer, kind, '' AS what FROM `+tableClaims+` WHERE claimed_at >= $1 AND claimed_at < $2
			UNION ALL
			SELECT reviewer, kind, ending FROM `+tableClaims+` WHERE ended_at >= $1 AND ended_at < $2
		) claims WHERE kind = $3 OR $3 = '' GROUP BY reviewer, what`, f.From.Start(), (f.To + 1).Start(), projections.Storable(f.Kind))
	var (
		reviewer uuid.UUID
		what     string
		n        int
	)
	_, err := pgx.ForEachRow(rows, []any{&reviewer, &what, &n}, func() error {
		for _, w := range both(all, reviewer) {
			switch what {
			case "":
				w.Claimed += n
			case handedBack:
				w.HandedBack += n
			case expired:
				w.Expired += n
			case takenOver:
				w.TakenOver += n
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("claims: %w", err)
	}
	return nil
}

func (q Queries) decisions(ctx context.Context, f Filter, calendar *workdays.Calendar, all map[uuid.UUID]*work) error {
	rows, _ := q.DB.Query(ctx, `SELECT d.reviewer, outcome, decided_at, waiting_since, claimed_at, overturned_at IS NOT NULL
		FROM `+tableDecisions+` d LEFT JOIN LATERAL (
			SELECT claimed_at FROM `+tableClaims+` c WHERE c.id = d.claim OFFSET 0) c ON true
		WHERE decided_at >= $1 AND decided_at < $2 AND (d.kind = $3 OR $3 = '')`,
		f.From.Start(), (f.To + 1).Start(), projections.Storable(f.Kind))
	var (
		reviewer       uuid.UUID
		outcome        string
		at             time.Time
		since, claimed *time.Time
		overturned     bool
	)
	_, err := pgx.ForEachRow(rows, []any{&reviewer, &outcome, &at, &since, &claimed, &overturned}, func() error {
		for _, w := range both(all, reviewer) {
			w.count(outcome, overturned)
			if since != nil {
				w.fromSubmission.add(*since, at, calendar)
			}
			if since != nil && claimed != nil {
				w.fromClaim.add(*claimed, at, calendar)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("decisions: %w", err)
	}
	return nil
}

func (w *work) count(outcome string, overturned bool) {
	switch outcome {
	case approved:
		w.Approved++
	case firstApproved:
		w.FirstApproved++
	case rejected:
		w.Rejected++
	case revoked:
		w.Revoked++
	}
	if overturned {
		w.Overturned++
	}
}

// add keeps a stretch of time; two nodes' clocks may differ, and nothing took less than no time.
func (s *stretches) add(from, to time.Time, calendar *workdays.Calendar) {
	s.elapsed = append(s.elapsed, max(to.Sub(from), 0))
	s.working = append(s.working, max(calendar.Between(from, to), 0))
}

func (s *stretches) times() Times {
	if len(s.elapsed) == 0 {
		return Times{}
	}
	slices.Sort(s.elapsed)
	slices.Sort(s.working)
	return Times{
		N: len(s.elapsed), Median: atLeast(s.elapsed, 50), P90: atLeast(s.elapsed, 90),
		WorkingMedian: atLeast(s.working, 50), WorkingP90: atLeast(s.working, 90),
	}
}

// atLeast is the least of some sorted times within which so many percent of them lie.
func atLeast(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}
