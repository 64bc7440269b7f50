package reporting

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/domain/workdays"
	"waybill/projections"
)

func (b *batch) write(ctx context.Context, tx pgx.Tx, c *workdays.Calendar) error {
	var w pgx.Batch
	b.writeDays(&w, c)
	for _, c := range b.cases {
		b.writeCase(&w, c)
	}
	b.writeRevisions(&w)
	b.forget(&w)
	b.writeDecisions(&w)
	b.writeStretches(&w)
	b.writeInquiries(&w)
	b.writeDimensions(&w)
	b.writeCounts(&w)
	w.Queue(`INSERT INTO progress AS p (one, at, calendar) VALUES (true, $1, $2)
		ON CONFLICT (one) DO UPDATE SET at = coalesce($1, p.at), calendar = $2`,
		b.last, string(c.Version()))
	return tx.SendBatch(ctx, &w).Close()
}

func (b *batch) writeCase(w *pgx.Batch, c *caseRow) {
	if c.changed {
		w.Queue(`INSERT INTO cases (`+caseColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
			ON CONFLICT (id) DO UPDATE SET standing = $4, provider_type = $5, latest_name = $6, live_name = $7, listed = $8, pinned = $9,
				deleted_at = $10, stretches = $11, shown = $12, shown_pinned = $13, latest = $14, live = $15, rejections = $16,
				opened_at = $17, first_decided_at = $19, first_outcome = $20, first_approved_at = $21, first_listed_at = $22`,
			c.ID, c.Kind, c.ProviderID, c.Standing, c.ProviderType, c.LatestName, c.LiveName, c.Listed, c.Pinned, c.DeletedAt, c.Stretches,
			c.Shown, c.ShownPinned, c.Latest, c.Live, c.Rejections, c.OpenedAt, c.FirstSubmittedAt, c.FirstDecidedAt, c.FirstOutcome,
			c.FirstApprovedAt, c.FirstListedAt)
	}
	for _, r := range c.revisions {
		if r.changed {
			b.changed = append(b.changed, r)
		}
	}
}

// writeRevisions is in one statement, as what else there is much of.
func (b *batch) writeRevisions(w *pgx.Batch) {
	if len(b.changed) == 0 {
		return
	}
	var (
		subjects                                                        projections.Keys
		contents, rounds, revocations                                   []int
		submitted, submittedDay, opened, openedDay, waiting, waitingDay []time.Time
		ended, endedDay, firstAt                                        []*time.Time
		outcomes, modes, countries, cities                              []string
		approvers, places                                               []*[16]byte
		gazetteers                                                      []int64
	)
	for _, r := range b.changed {
		subjects, contents, rounds = append(subjects, r.SubjectID), append(contents, int(r.ContentRevision)), append(rounds, r.Round)
		submitted, submittedDay = append(submitted, r.SubmittedAt), append(submittedDay, dayOf(r.SubmittedAt))
		opened, openedDay = append(opened, r.OpenedAt), append(openedDay, dayOf(r.OpenedAt))
		waiting, waitingDay = append(waiting, r.WaitingFrom), append(waitingDay, dayOf(r.WaitingFrom))
		ended, endedDay, outcomes = append(ended, r.EndedAt), append(endedDay, dayOfAny(r.EndedAt)), append(outcomes, r.Outcome)
		approvers, firstAt = append(approvers, (*[16]byte)(r.FirstApprover)), append(firstAt, r.FirstApprovedAt)
		revocations, modes, places = append(revocations, r.Revocations), append(modes, string(r.Mode)), append(places, (*[16]byte)(r.Place))
		gazetteers, countries, cities = append(gazetteers, r.Gazetteer), append(countries, r.Country), append(cities, r.City)
	}
	w.Queue(`INSERT INTO revisions (`+revisionColumns+`, submitted_day, opened_day, waiting_day, ended_day)
		SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::text[],
			$8::timestamptz[], $9::uuid[], $10::timestamptz[], $11::integer[], $12::text[], $13::uuid[], $14::bigint[], $15::text[],
			$16::text[], $17::date[], $18::date[], $19::date[], $20::date[])
		ON CONFLICT (subject_id, content_revision) DO UPDATE SET opened_at = excluded.opened_at, waiting_from = excluded.waiting_from,
			outcome = excluded.outcome, ended_at = excluded.ended_at, first_approver = excluded.first_approver,
			first_approved_at = excluded.first_approved_at, revocations = excluded.revocations, place = excluded.place,
			gazetteer = excluded.gazetteer, opened_day = excluded.opened_day, waiting_day = excluded.waiting_day,
			ended_day = excluded.ended_day`,
		subjects, contents, rounds, submitted, opened, waiting, outcomes, ended, approvers, firstAt, revocations, modes, places, gazetteers,
		countries, cities, submittedDay, openedDay, waitingDay, endedDay)
}

// forget takes away what was typed of products that were deleted.
func (b *batch) forget(w *pgx.Batch) {
	for _, c := range b.cases {
		if c.deleted {
			w.Queue(`UPDATE revisions SET country = '', city = '' WHERE subject_id = $1`, c.ID)
		}
	}
}

// dayOfAny is dayOf, null for null.
func dayOfAny(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	day := dayOf(*at)
	return &day
}

func (b *batch) writeDecisions(w *pgx.Batch) {
	b.writeRulings(w)
	for _, o := range b.overturns {
		w.Queue(`INSERT INTO overturns (id, subject_id, content_revision, by_account, revoked_at, revoked_day) VALUES ($1, $2, $3, $4, $5, $6)`,
			o.id, o.subject, o.content, o.by, o.at, dayOf(o.at))
	}
	for _, r := range b.reasons {
		w.Queue(`INSERT INTO given_reasons (event, reason) VALUES ($1, $2)`, r.event, r.code)
	}
}

func (b *batch) writeRulings(w *pgx.Batch) {
	if len(b.rulings) == 0 {
		return
	}
	var (
		ids, subjects, reviewers                                    projections.Keys
		contents                                                    []int
		outcomes                                                    []string
		decided, decidedDay, waiting, waitingDay, opened, openedDay []time.Time
		approvers                                                   []*[16]byte
		firstAt                                                     []*time.Time
	)
	for _, r := range b.rulings {
		ids, subjects, reviewers = append(ids, r.id), append(subjects, r.subject), append(reviewers, r.reviewer)
		contents, outcomes = append(contents, int(r.content)), append(outcomes, r.outcome)
		decided, decidedDay = append(decided, r.at), append(decidedDay, dayOf(r.at))
		waiting, waitingDay = append(waiting, r.waitingFrom), append(waitingDay, dayOf(r.waitingFrom))
		opened, openedDay = append(opened, r.openedAt), append(openedDay, dayOf(r.openedAt))
		approvers, firstAt = append(approvers, (*[16]byte)(r.firstApprover)), append(firstAt, r.firstApprovedAt)
	}
	w.Queue(`INSERT INTO rulings (id, subject_id, content_revision, outcome, reviewer, decided_at, decided_day, waiting_from, waiting_day,
			opened_at, opened_day, first_approver, first_approved_at)
		SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::uuid[], $6::timestamptz[], $7::date[], $8::timestamptz[],
			$9::date[], $10::timestamptz[], $11::date[], $12::uuid[], $13::timestamptz[])`,
		ids, subjects, contents, outcomes, reviewers, decided, decidedDay, waiting, waitingDay, opened, openedDay, approvers, firstAt)
}

// writeStretches is in two statements however many there are: they are most of what happens.
func (b *batch) writeStretches(w *pgx.Batch) {
	type rows struct {
		ids               projections.Keys
		numbers, contents []int
		pinned            []bool
		from, fromDay     []time.Time
		to, toDay         []*time.Time
		endedIDs          projections.Keys
		endedNumbers      []int
		endedAt, endedDay []time.Time
	}
	var r rows
	for k, at := range b.endings {
		r.endedIDs, r.endedNumbers = append(r.endedIDs, k.product), append(r.endedNumbers, k.number)
		r.endedAt, r.endedDay = append(r.endedAt, at), append(r.endedDay, dayOf(at))
	}
	for k, s := range b.stretches {
		r.ids, r.numbers, r.contents = append(r.ids, k.product), append(r.numbers, k.number), append(r.contents, int(s.content))
		r.pinned, r.from, r.fromDay = append(r.pinned, s.pinned), append(r.from, s.from), append(r.fromDay, dayOf(s.from))
		r.to, r.toDay = append(r.to, s.to), append(r.toDay, dayOfAny(s.to))
	}
	if len(r.endedIDs) > 0 {
		w.Queue(`UPDATE stretches s SET to_at = e.at, to_day = e.day FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::date[])
			AS e (id, number, at, day) WHERE s.product_id = e.id AND s.number = e.number`, r.endedIDs, r.endedNumbers, r.endedAt, r.endedDay)
	}
	if len(r.ids) > 0 {
		w.Queue(`INSERT INTO stretches (product_id, number, content_revision, pinned, from_at, from_day, to_at, to_day)
			SELECT * FROM unnest($1::uuid[], $2::integer[], $3::integer[], $4::boolean[], $5::timestamptz[], $6::date[],
				$7::timestamptz[], $8::date[])`,
			r.ids, r.numbers, r.contents, r.pinned, r.from, r.fromDay, r.to, r.toDay)
	}
}

func (b *batch) writeInquiries(w *pgx.Batch) {
	for _, i := range b.inquiries {
		w.Queue(`INSERT INTO inquiries (`+inquiryColumns+`, requested_day, replied_day, closed_day)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (id) DO UPDATE SET replied_at = $7, closed_at = $8, close_reason = $9, replied_day = $11, closed_day = $12`,
			i.ID, i.ProductID, i.ContentRevision, i.ProviderID, i.EnterpriseID, i.RequestedAt, i.RepliedAt, i.ClosedAt,
			string(i.CloseReason), dayOf(i.RequestedAt), dayOfAny(i.RepliedAt), dayOfAny(i.ClosedAt))
	}
}

func (b *batch) writeDimensions(w *pgx.Batch) {
	for id, d := range b.places {
		w.Queue(`INSERT INTO destinations (id, gazetteer, country, city) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`,
			id, d.gazetteer, d.country, d.city)
	}
	for id, a := range b.staff {
		w.Queue(`INSERT INTO staff AS s (id, first_at, last_at) VALUES ($1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET first_at = least(s.first_at, $2), last_at = greatest(s.last_at, $3)`, id, a.first, a.last)
	}
}

func (b *batch) writeCounts(w *pgx.Batch) {
	if len(b.counts) == 0 {
		return
	}
	var (
		days []time.Time
		what []string
		n    []int64
	)
	for k, by := range b.counts {
		days, what, n = append(days, dateOf(k.day)), append(what, k.what), append(n, by)
	}
	w.Queue(`INSERT INTO day_counts AS c (day, what, n) SELECT * FROM unnest($1::date[], $2::text[], $3::bigint[])
		ON CONFLICT (day, what) DO UPDATE SET n = c.n + excluded.n`, days, what, n)
}

// writeDays adds the days of years that the tables lack; and when the calendar is another, it has all of them by that.
func (b *batch) writeDays(w *pgx.Batch, c *workdays.Calendar) {
	first, last := math.MaxInt, math.MinInt
	for _, years := range []map[int]bool{b.known, b.years} {
		for year := range years {
			first, last = min(first, year), max(last, year)
		}
	}
	for year := first; year <= last; year++ { // also those in between of which nothing is
		if !b.known[year] || b.calendar != c.Version() {
			writeYear(w, c, year)
		}
	}
}

func writeYear(w *pgx.Batch, c *workdays.Calendar, year int) {
	special := map[workdays.Day]workdays.Special{}
	for _, s := range c.Special(year) {
		special[s.Day] = s
	}
	var (
		days, starts, products, applications []time.Time
		working, estimated, estimatedToo     []bool
		before                               []int
		zh, en                               []string
	)
	for d := workdays.Date(year, time.January, 1); d < workdays.Date(year+1, time.January, 1); d++ {
		product, application := c.Due(d.Start(), workdays.ForProduct), c.Due(d.Start(), workdays.ForApplication)
		days, starts, working, before = append(days, dateOf(d)), append(starts, d.Start()), append(working, c.Working(d)),
			append(before, c.WorkingDays(0, d))
		zh, en = append(zh, special[d].Name.ZH), append(en, special[d].Name.EN)
		products, estimated = append(products, product.At), append(estimated, product.Estimated)
		applications, estimatedToo = append(applications, application.At), append(estimatedToo, application.Estimated)
	}
	w.Queue(`INSERT INTO calendar_days (day, starts_at, working, working_before, holiday_zh, holiday_en, product_due_at, product_due_estimated,
			application_due_at, application_due_estimated)
		SELECT * FROM unnest($1::date[], $2::timestamptz[], $3::boolean[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[],
			$8::boolean[], $9::timestamptz[], $10::boolean[])
		ON CONFLICT (day) DO UPDATE SET working = excluded.working, working_before = excluded.working_before, holiday_zh = excluded.holiday_zh,
			holiday_en = excluded.holiday_en, product_due_at = excluded.product_due_at,
			product_due_estimated = excluded.product_due_estimated,
			application_due_at = excluded.application_due_at, application_due_estimated = excluded.application_due_estimated`,
		days, starts, working, before, zh, en, products, estimated, applications, estimatedToo)
	w.Queue(`INSERT INTO calendar_years VALUES ($1) ON CONFLICT DO NOTHING`, year)
}
