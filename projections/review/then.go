package review

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
)

// sqlThen is what awaited a decision at $1, as far as it can still be told: what awaits one since, and what was decided or submitted anew
// later. An approval that was revoked after it, a product that was deleted and a provider that was closed are not in it.
const sqlThen = `SELECT kind, due_at FROM ` + tableCases + ` WHERE ` + sqlShown + ` AND due_from <= $1
	UNION ALL SELECT kind, due_at FROM ` + tableSubmissions + ` WHERE ` + sqlPast + ` AND kind = ANY ($3) AND state = ANY ($4)
		AND since > $1 AND submitted_at <= $1`

// pastStates are all but pending.
var pastStates = []domain.Review{domain.ReviewApproved, domain.ReviewRejected, domain.ReviewSuperseded}

// OpenThen is Open of a moment that has passed, for who was not there to count: it reads every case, and all that has ended since. What is
// open is due by the calendar of now.
func (q Queries) OpenThen(ctx context.Context, at time.Time) ([]KindCount, error) {
	rows, _ := q.DB.Query(ctx, `SELECT kind, count(*) AS open, count(*) FILTER (WHERE due_at <= $1) AS overdue,
		count(*) FILTER (WHERE due_at > $1 AND due_at <= $2) AS due_today, min(due_at) AS oldest
		FROM (`+sqlThen+`) AS cases GROUP BY kind`, at, endOfDay(at), Kinds, pastStates)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[KindCount])
	if err != nil {
		return nil, fmt.Errorf("count what was open: %w", err)
	}
	return ofEveryKind(found), nil
}
