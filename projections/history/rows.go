package history

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/workdays"
	"waybill/projections"
)

// columns are the columns of the rows of one batch.
type columns struct {
	positions, revisions                   []int64
	kinds, types, roles, requests          []string
	subjects, events, actors, correlations projections.Keys
	at                                     []time.Time
	contentRevisions                       []int32
	changes                                []string
	blanked                                []bool
	reasons                                []string // empty is none
	numbers                                []int64  // of classes
	providers                              []*uuid.UUID

	classes classes
	spans   spans
	codes   []codeRow
	texts   []textRow
	// owned are products that were submitted, and by whom.
	owned, by projections.Keys
}

// codeRow is a row of codes.
type codeRow struct {
	position int64
	code     string
	class    int64
	provider *uuid.UUID
	actor    uuid.UUID
}

func (r *columns) add(e projections.Event, s *subject, c *changes, reasons []domain.Reason) error {
	if c.err != nil {
		return e.Wrong(c.err)
	}
	var reasonsJSON string
	if len(reasons) > 0 {
		b, err := json.Marshal(reasons)
		if err != nil {
			return e.Wrong(err)
		}
		reasonsJSON = string(b)
	}
	position, actor, owner := int64(e.Position), e.Meta.Actor.ID, s.owner() //nolint:gosec // fits a bigint
	of := class{s.kind, e.Type, string(e.Meta.Actor.Role)}
	number := of.number()
	r.classes[number] = of
	r.positions = append(r.positions, position)
	r.revisions = append(r.revisions, int64(e.Revision)) //nolint:gosec // fits a bigint
	r.kinds, r.subjects = append(r.kinds, s.kind), append(r.subjects, s.id)
	r.types, r.events = append(r.types, e.Type), append(r.events, e.ID)
	r.actors, r.roles = append(r.actors, actor), append(r.roles, of.role)
	r.at = append(r.at, e.Meta.At)
	r.correlations, r.requests = append(r.correlations, e.Meta.CorrelationID), append(r.requests, e.Meta.RequestID)
	r.contentRevisions = append(r.contentRevisions, int32(c.revision)) //nolint:gosec // revisions count from 1
	r.changes, r.blanked, r.reasons = append(r.changes, c.json()), append(r.blanked, false), append(r.reasons, reasonsJSON)
	r.numbers, r.providers = append(r.numbers, number), append(r.providers, owner)
	r.spans.add(e.Meta.At, position)
	codes := codesOf(reasons)
	for _, code := range codes {
		r.codes = append(r.codes, codeRow{position, code, number, owner, actor})
	}
	if text := textOf(c, reasons); text != "" {
		in := workdays.DayOf(e.Meta.At)
		r.texts = append(r.texts, textRow{position, in, text, salted(termsOf(text, of, s.id, actor, owner, codes), in)})
	}
	if fact, ok := e.Fact.(product.Submitted); ok {
		r.owned, r.by = append(r.owned, s.id), append(r.by, fact.ProviderID)
	}
	return nil
}

func codesOf(reasons []domain.Reason) []string {
	var codes []string
	for _, reason := range reasons {
		if reason.Code != "" && !slices.Contains(codes, reason.Code) {
			codes = append(codes, reason.Code)
		}
	}
	return codes
}

// forget takes away the text of a row that was blanked.
func (r *columns) forget(position int64) {
	r.texts = slices.DeleteFunc(r.texts, func(t textRow) bool { return t.position == position })
}

func (r *columns) queue(batch *pgx.Batch) {
	batch.Queue(`INSERT INTO entries (position, kind, subject_id, revision, type, event_id, actor_id, role, at,
			correlation_id, request_id, content_revision, changes, blanked, reasons, class, provider_id)
		SELECT position, kind, subject_id, revision, type, event_id, actor_id, role, at,
			correlation_id, request_id, content_revision, changes::json, blanked, nullif(reasons, '')::json, class, provider_id
		FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::bigint[], $5::text[], $6::uuid[], $7::uuid[], $8::text[],
			$9::timestamptz[], $10::uuid[], $11::text[], $12::integer[], $13::text[], $14::boolean[], $15::text[],
			$16::bigint[], $17::uuid[])
			AS n (position, kind, subject_id, revision, type, event_id, actor_id, role, at,
				correlation_id, request_id, content_revision, changes, blanked, reasons, class, provider_id)`,
		r.positions, r.kinds, r.subjects, r.revisions, r.types, r.events, r.actors, r.roles, r.at,
		r.correlations, r.requests, r.contentRevisions, r.changes, r.blanked, r.reasons, r.numbers, r.providers)
	r.classes.queue(batch)
	r.spans.queue(batch)
	if len(r.owned) > 0 {
		batch.Queue(`INSERT INTO owners (id, provider_id) SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING`, r.owned, r.by)
	}
	r.queueCodes(batch)
	r.queueTexts(batch)
}

func (r *columns) queueCodes(batch *pgx.Batch) {
	if len(r.codes) == 0 {
		return
	}
	var (
		positions, classes []int64
		codes              []string
		providers          []*uuid.UUID
		actors             projections.Keys
	)
	for _, c := range r.codes {
		positions, classes, codes = append(positions, c.position), append(classes, c.class), append(codes, c.code)
		providers, actors = append(providers, c.provider), append(actors, c.actor)
	}
	batch.Queue(`INSERT INTO codes (position, code, class, provider_id, actor_id)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::uuid[], $5::uuid[])`, positions, codes, classes, providers, actors)
}

func (r *columns) queueTexts(batch *pgx.Batch) {
	if len(r.texts) == 0 {
		return
	}
	var (
		positions    []int64
		days         []int32
		texts, terms []string
		literal      []byte
	)
	for _, t := range r.texts {
		literal = append(literal[:0], '{')
		for i, term := range t.terms {
			if i > 0 {
				literal = append(literal, ',')
			}
			literal = strconv.AppendInt(literal, int64(term), 10)
		}
		positions, days = append(positions, t.position), append(days, int32(t.day)) //nolint:gosec // days of four-digit years
		texts, terms = append(texts, t.text), append(terms, string(append(literal, '}')))
	}
	batch.Queue(`INSERT INTO texts (position, day, text, terms) SELECT position, day, text, terms::integer[]
		FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[]) AS n (position, day, text, terms)`, positions, days, texts, terms)
}
