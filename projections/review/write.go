package review

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/claim"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/dues"
)

const (
	subjectColumns = `id, name, provider_type, live, latest, rejections, closed, revision, taken_down`
	// What a submission pends for is its case's to say: a correction of the calendar moves it there.
	loadedColumns = `s.kind, s.subject_id, s.content_revision, s.state, s.since, s.name, s.provider_id, s.submitted_by, s.mismatches,
		s.finding, s.round, s.first_submitted_at, s.submitted_at, s.decided_at, s.decided_by, s.reasons, s.note, s.first_approval,
		s.revocation, coalesce(c.due_from, s.due_from) AS due_from, coalesce(c.due_at, s.due_at) AS due_at,
		coalesce(c.due_estimated, s.due_estimated) AS due_estimated, coalesce(c.due_calendar, s.due_calendar) AS due_calendar,
		s.place, s.point`
	withCase = ` LEFT JOIN cases c ON c.subject_id = s.subject_id AND c.content_revision = s.content_revision`
)

// apply folds batches, and moves the open cases where the calendar was corrected.
func apply() func(context.Context, pgx.Tx, []projections.Event) error {
	table := func(kind string, days int) dues.Table {
		return dues.Table{Name: "cases", ID: "subject_id", Open: "kind = '" + kind + "'", Days: days}
	}
	withCalendar := dues.Applying(applyRun, table(product.Category, workdays.ForProduct), table(provider.Category, workdays.ForApplication))
	return func(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
		if err := withCalendar(ctx, tx, events); err != nil {
			return err
		}
		if !slices.ContainsFunc(events, func(e projections.Event) bool { _, ok := e.Fact.(calendar.Corrected); return ok }) {
			return nil
		}
		// Cases moved from one due time to another by the thousand: they are counted anew, which one does a few times a year.
		_, err := tx.Exec(ctx, `DELETE FROM due_counts`)
		if err == nil {
			_, err = tx.Exec(ctx, `INSERT INTO due_counts SELECT kind, due_at, count(*) FROM cases WHERE `+sqlShown+` GROUP BY 1, 2`)
		}
		if err != nil {
			return fmt.Errorf("count what is due: %w", err)
		}
		return nil
	}
}

func applyRun(ctx context.Context, tx pgx.Tx, events []projections.Event, c *workdays.Calendar) error {
	f := folding{subjects: map[uuid.UUID]*subject{}, claims: map[uuid.UUID]*claimed{}, calendar: c}
	if err := f.load(ctx, tx, events); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, e := range events {
		if err := f.fold(e); err != nil {
			return e.Wrong(err)
		}
	}
	if err := f.write(ctx, tx); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (f *folding) load(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	ids := projections.SubjectsOf(events)
	both := append(ids[provider.Category], ids[product.Category]...)
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	if len(both) > 0 {
		batch.Queue(`SELECT `+subjectColumns+` FROM subjects WHERE id = ANY ($1)`, both).Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[subject])
			for _, s := range stored {
				s.submissions = map[domain.ContentRevision]*submission{}
				f.subjects[s.ID] = s
			}
			return err
		})
		batch.Queue(`SELECT `+loadedColumns+` FROM subjects j JOIN submissions s ON s.subject_id = j.id AND s.content_revision IN (j.latest, j.live)`+
			withCase+` WHERE j.id = ANY ($1)`, both).Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToStructByName[storedSubmission])
			for _, row := range stored {
				f.subjects[row.SubjectID].submissions[row.ContentRevision] = &submission{storedSubmission: row, was: row.State}
			}
			return err
		})
	}
	if of := ids[claim.Category]; len(of) > 0 {
		batch.Queue(`SELECT case_id, kind, claim, reviewer, claimed_at, until FROM claims WHERE case_id = ANY ($1)`, of).Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[claimed])
			for _, row := range stored {
				f.claims[row.CaseID] = row
			}
			return err
		})
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// countCases adds the cases of subjects and of providers to due_counts, or takes them out: as they are at that point of the transaction.
func countCases(sign string) string {
	return `INSERT INTO due_counts AS d SELECT kind, due_at, ` + sign + `count(*) FROM cases
		WHERE ` + sqlShown + ` AND (subject_id = ANY ($1) OR provider_id = ANY ($2)) GROUP BY 1, 2
		ON CONFLICT (kind, due_at) DO UPDATE SET n = d.n + excluded.n`
}

var enterCounts, leaveCounts = countCases(""), countCases("-")

func (f *folding) write(ctx context.Context, tx pgx.Tx) error {
	var cases, providers projections.Keys
	for _, s := range f.subjects {
		if s.requeued || s.deleted {
			cases = append(cases, s.ID)
		}
		if s.regrouped {
			providers = append(providers, s.ID)
		}
	}
	counted := len(cases)+len(providers) > 0
	var batch pgx.Batch
	if counted {
		batch.Queue(leaveCounts, cases, providers)
	}
	states := map[stateOf]int{}
	for _, s := range f.subjects {
		s.write(&batch, states)
	}
	for _, s := range f.subjects { // all subjects are there now: a case looks at its provider
		s.writeCase(&batch)
	}
	if len(providers) > 0 {
		batch.Queue(`UPDATE cases c SET withheld = p.closed, provider_type = p.provider_type FROM subjects p
			WHERE c.provider_id = p.id AND p.id = ANY ($1)`, providers)
		batch.Queue(`UPDATE submissions s SET provider_type = p.provider_type FROM subjects p
			WHERE s.provider_id = p.id AND p.id = ANY ($1) AND s.provider_type <> p.provider_type`, providers)
	}
	if counted {
		batch.Queue(enterCounts, cases, providers)
		batch.Queue(`DELETE FROM due_counts WHERE n = 0`)
	}
	for of, n := range states {
		if n == 0 {
			continue
		}
		batch.Queue(`INSERT INTO state_counts AS c VALUES ($1, $2, $3) ON CONFLICT (kind, state) DO UPDATE SET n = c.n + $3`, of.kind, of.state, n)
	}
	if counted {
		batch.Queue(`DELETE FROM state_counts WHERE n = 0`)
	}
	for _, c := range f.claims {
		if c.ended {
			batch.Queue(`DELETE FROM claims WHERE case_id = $1`, c.CaseID)
			continue
		}
		batch.Queue(`INSERT INTO claims (case_id, kind, claim, reviewer, claimed_at, until) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (case_id) DO UPDATE SET kind = $2, claim = $3, reviewer = $4, claimed_at = $5, until = $6`,
			c.CaseID, c.Kind, c.Claim, c.Reviewer, c.ClaimedAt, c.Until)
	}
	return tx.SendBatch(ctx, &batch).Close()
}

type stateOf struct {
	kind  string
	state domain.Review
}

func (s *subject) write(batch *pgx.Batch, states map[stateOf]int) {
	if s.deleted {
		batch.Queue(`WITH gone AS (DELETE FROM submissions WHERE subject_id = $1 RETURNING kind, state)
			INSERT INTO state_counts AS c SELECT kind, state, -count(*) FROM gone GROUP BY 1, 2
			ON CONFLICT (kind, state) DO UPDATE SET n = c.n + excluded.n`, s.ID)
		batch.Queue(`DELETE FROM subjects WHERE id = $1`, s.ID)
		return
	}
	batch.Queue(`INSERT INTO subjects (`+subjectColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE
		SET name = $2, provider_type = $3, live = $4, latest = $5, rejections = $6, closed = $7, revision = $8, taken_down = $9`,
		s.ID, s.Name, s.ProviderType, s.Live, s.Latest, s.Rejections, s.Closed, s.Revision, s.TakenDown)
	for _, r := range s.submissions {
		switch {
		case r.fresh:
			states[stateOf{r.Kind, r.State}]++
			batch.Queue(`INSERT INTO submissions (kind, subject_id, content_revision, state, since, name, provider_id, submitted_by, mismatches,
				finding, round, first_submitted_at, submitted_at, decided_at, decided_by, reasons, note, first_approval, revocation, `+
				dues.ColumnNames+`, place, point, content, certified, verdict, provider_type)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
				$26, $27, $28, coalesce((SELECT p.provider_type FROM subjects p WHERE p.id = $7), ''))`,
				r.Kind, r.SubjectID, r.ContentRevision, r.State, r.Since, r.Name, r.ProviderID, r.SubmittedBy, r.Mismatches,
				r.Finding, r.Round, r.FirstSubmittedAt, r.SubmittedAt, r.DecidedAt, r.DecidedBy, r.Reasons, r.Note,
				r.FirstApproval, r.Revocation, r.DueFrom, r.DueAt, r.DueEstimated, r.DueCalendar, r.Place, r.Point, r.Content, r.Certified,
				r.Verdict)
		case r.changed:
			states[stateOf{r.Kind, r.was}]--
			states[stateOf{r.Kind, r.State}]++
			batch.Queue(`UPDATE submissions SET state = $3, since = $4, decided_at = $5, decided_by = $6, reasons = $7, note = $8,
				first_approval = $9, revocation = $10, (`+dues.ColumnNames+`) = ROW($11, $12, $13, $14), place = $15, point = $16,
				first_submitted_at = $17
				WHERE subject_id = $1 AND content_revision = $2`,
				r.SubjectID, r.ContentRevision, r.State, r.Since, r.DecidedAt, r.DecidedBy, r.Reasons, r.Note,
				r.FirstApproval, r.Revocation, r.DueFrom, r.DueAt, r.DueEstimated, r.DueCalendar, r.Place, r.Point, r.FirstSubmittedAt)
		}
	}
}

// writeCase has the subject in the queue, or not.
func (s *subject) writeCase(batch *pgx.Batch) {
	if !s.requeued && !s.deleted {
		return
	}
	r := s.submissions[s.Latest]
	if s.deleted || r.State != domain.ReviewPending {
		batch.Queue(`DELETE FROM cases WHERE subject_id = $1`, s.ID)
		return
	}
	batch.Queue(`INSERT INTO cases (subject_id, kind, content_revision, provider_id, submitted_by, mismatch, finding, resubmitted,
		first_approved, revoked, taken_down, `+dues.ColumnNames+`, provider_type, withheld)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, coalesce(p.provider_type, ''), coalesce(p.closed, false)
		FROM (SELECT) one LEFT JOIN subjects p ON p.id = $4
		ON CONFLICT (subject_id) DO UPDATE SET content_revision = $3, submitted_by = $5, mismatch = $6, finding = $7, resubmitted = $8,
		first_approved = $9, revoked = $10, taken_down = $11, (`+dues.ColumnNames+`) = ROW($12, $13, $14, $15)`,
		s.ID, r.Kind, r.ContentRevision, r.ProviderID, r.SubmittedBy, len(r.Mismatches) > 0, r.Finding, r.Round > 1,
		r.FirstApproval != nil, r.Revocation != nil, s.TakenDown != nil, r.DueFrom, r.DueAt, r.DueEstimated, r.DueCalendar)
}
