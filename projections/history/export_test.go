package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain/workdays"
)

// FillTexts gives every fifth of so many entries a text.
func FillTexts(t testing.TB, pool *pgxpool.Pool, entries int) {
	rows, err := pool.Query(t.Context(), `SELECT position, at, subject_id, actor_id, provider_id, c.kind, c.type, c.role
		FROM `+tableEntries+` e JOIN `+tableClasses+` c ON c.id = e.class WHERE position % 5 = 0 AND position <= $1`, entries)
	if err != nil {
		t.Fatal(err)
	}
	var texts [][]any
	var (
		position                 int64
		at                       time.Time
		subject, actor, provider uuid.UUID
		of                       class
	)
	if _, err := pgx.ForEachRow(rows, []any{&position, &at, &subject, &actor, &provider, &of.kind, &of.typ, &of.role}, func() error {
		text := fmt.Sprintf("海运 空运%d号 第%d", position/5%100, position)
		in := workdays.DayOf(at)
		texts = append(texts, []any{position, in, text, salted(termsOf(text, of, subject, actor, &provider, nil), in)})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.CopyFrom(t.Context(), pgx.Identifier{schema, "texts"}, []string{"position", "day", "text", "terms"}, pgx.CopyFromRows(texts)); err != nil {
		t.Fatal(err)
	}
}
