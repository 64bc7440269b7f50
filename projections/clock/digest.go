package clock

import (
	"context"
	"fmt"
	"time"

	"waybill/domain/commands"
	"waybill/domain/digest"
	"waybill/domain/workdays"
	"waybill/projections/review"
	"waybill/projections/runtime"
)

// When the day's digest is made, in Beijing: before the reviewers' day begins, on days off too, when cases may be overdue as well.
const digestAt = 8*time.Hour + 30*time.Minute

// digestsMadeUp is how many days have their digest after a stop. Older ones would tell nobody anything.
const digestsMadeUp = 7

// digests records each day what awaits the reviewers (R41), as of the same moment, however late it is made.
func digests(service *commands.Service, desk review.Queries) runtime.Job {
	return runtime.Job{
		Name: "review_digest", StoredName: "clock_review_digest",
		Every: 24 * time.Hour, Offset: digestAt, MakeUp: digestsMadeUp,
		Needs: []string{review.Model.Name},
		Do: func(ctx context.Context, turn runtime.Turn) error {
			day := workdays.DayOf(turn.Moment)
			found, err := desk.OpenThen(ctx, turn.Moment)
			if err != nil {
				return err
			}
			made := digest.Made{Day: day, At: turn.Moment, Kinds: counted(found)}
			if _, err := service.MakeDigest(ctx, because(turn), made); err != nil {
				return fmt.Errorf("make the digest of %s: %w", day, err)
			}
			return nil
		},
	}
}
