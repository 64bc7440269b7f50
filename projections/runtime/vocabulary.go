package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/events"
	"waybill/projections"
)

// Vocabulary is what a binary knows of the log: the categories of its streams, and how each type of event is decoded.
type Vocabulary struct {
	Categories []string
	Types      domain.Types
}

// KnownVocabulary is that of this binary.
func KnownVocabulary() Vocabulary {
	return Vocabulary{Categories: events.Categories, Types: events.Types}
}

// UnknownEventError says that an event of the log is of a type or category that this binary does not know: a newer one
// wrote it; or that a reaction met such an event in what it looked up for this one. Nothing is wrong with the event; a newer
// binary has to go on from it.
type UnknownEventError struct {
	Event domain.RecordedEvent
	// Met is the error of the reaction; nil when the event itself is not known.
	Met error
}

func (e *UnknownEventError) Error() string {
	if e.Met != nil {
		return fmt.Sprintf("event %s of stream %s at position %d leads to what is not known to this version of Waybill: %v",
			e.Event.Type, e.Event.Stream, e.Event.Position, e.Met)
	}
	return fmt.Sprintf("event %s of stream %s at position %d is not known to this version of Waybill: "+
		"a newer one wrote it, and must read it",
		e.Event.Type, e.Event.Stream, e.Event.Position)
}

// Unwrap makes it domain.ErrUnknownType.
func (e *UnknownEventError) Unwrap() error { return domain.ErrUnknownType }

// record writes what a binary knows into the database, before it can append any of it: on the disk, since what it appends
// may be in an EventStoreDB that outlives a crash of the database.
func (v Vocabulary) record(ctx context.Context, db pgx.Tx) error {
	types := make([]string, 0, len(v.Types))
	for name := range v.Types {
		types = append(types, name)
	}
	_, err := db.Exec(ctx, `INSERT INTO projections.vocabulary (kind, name)
		SELECT 'category', unnest($1::text[]) UNION ALL SELECT 'type', unnest($2::text[]) ON CONFLICT DO NOTHING`, v.Categories, types)
	return err
}

// Unknown lists what newer binaries recorded and this one does not know: categories and types, sorted.
func (v Vocabulary) Unknown(ctx context.Context, db projections.Querier) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT kind, name FROM projections.vocabulary ORDER BY kind, name`)
	if err != nil {
		return nil, err
	}
	var (
		unknown    []string
		kind, name string
	)
	_, err = pgx.ForEachRow(rows, []any{&kind, &name}, func() error {
		_, isType := v.Types[name]
		if kind == "type" && !isType || kind == "category" && !slices.Contains(v.Categories, name) {
			unknown = append(unknown, name)
		}
		return nil
	})
	return unknown, err
}

// sharedStore is a store whose server others use too, so that what it yields may be of another log.
type sharedStore interface {
	// Only is the store without the events of streams of other categories.
	Only(categories []string) domain.EventStore
}

// ownLog is the log of this database in an event store: streams whose exact category some binary recorded. Where a store
// holds nothing else it is the store itself.
type ownLog struct {
	domain.EventStore
	// categories is how many were recorded when this was read; 0 where it does not matter.
	categories int
}

// RecordedCategories lists the categories of streams that binaries of a database's log ever recorded, sorted.
func RecordedCategories(ctx context.Context, db projections.Querier) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT name FROM projections.vocabulary WHERE kind = 'category' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// ownLogOf reads what was recorded.
func ownLogOf(ctx context.Context, db projections.Querier, store domain.EventStore) (ownLog, error) {
	shared, ok := store.(sharedStore)
	if !ok {
		return ownLog{EventStore: store}, nil
	}
	categories, err := RecordedCategories(ctx, db)
	if err == nil && len(categories) == 0 {
		err = errors.New("the categories of the log's streams are not recorded (was the database prepared?)")
	}
	if err != nil {
		return ownLog{}, fmt.Errorf("read the vocabulary: %w", err)
	}
	return ownLog{EventStore: shared.Only(categories), categories: len(categories)}, nil
}

// errVocabularyGrew says that a category was recorded of which the subscription leaves the events out.
var errVocabularyGrew = errors.New("a newer version recorded a category of streams")

// queueCheck has a batch fail with errVocabularyGrew when categories were recorded since. In the transaction that moves a
// checkpoint this makes sure that nothing was left out before it: a category is recorded before its first event is appended,
// and that before any event behind it is read.
func (l ownLog) queueCheck(batch *pgx.Batch) {
	if l.categories == 0 {
		return
	}
	batch.Queue(`SELECT count(*) FROM projections.vocabulary WHERE kind = 'category'`).QueryRow(func(row pgx.Row) error {
		var now int
		if err := row.Scan(&now); err != nil {
			return err
		}
		if now != l.categories {
			return errVocabularyGrew
		}
		return nil
	})
}

// poison reports whether err is about the event, and neither passes by itself nor with a newer binary.
func poison(err error) bool { return blames(err) && !errors.Is(err, domain.ErrUnknownType) }

// reader tells what an event is to one read model or reaction.
type reader struct {
	vocabulary Vocabulary
	applies    map[string]bool
}

func newReader(v Vocabulary, applies []string) reader {
	r := reader{vocabulary: v, applies: make(map[string]bool, len(applies))}
	for _, name := range applies {
		r.applies[name] = true
	}
	return r
}

// wants reports whether an event is one that is applied; it returns an UnknownEventError for one that this binary does not
// know.
func (r reader) wants(e domain.RecordedEvent) (bool, error) {
	if r.applies[e.Type] && slices.Contains(r.vocabulary.Categories, e.Stream.Category()) {
		return true, nil
	}
	if r.vocabulary.Types[e.Type] == nil || !slices.Contains(r.vocabulary.Categories, e.Stream.Category()) {
		return false, &UnknownEventError{Event: e}
	}
	return false, nil
}
