package listing

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/projections"
)

// What is counted is kept by difference, in the transaction of the change: products leave the counts as they were before it, and
// enter them as they are after it. Both name the products by a condition, and only the public ones among them count.

// cellLevels are those whose cells are counted. The cells of a level between are sums of at most 16 of the next one's.
var cellLevels = []int{3, 6, 9, 12, 15}

// counted is a table of counts: its key, and what each public product of a condition adds to it.
type counted struct {
	table, key, from string
	// sums are columns beside n that add up.
	sums []string
}

var countedTables = []counted{
	{
		table: "map_cells", key: "level, cell, mode, country_key, city_key", sums: []string{"x", "y"},
		from: `SELECT l.level, l.cell, p.mode, p.country_key, l.city_key, 1 AS n, p.x, p.y
			FROM products p CROSS JOIN LATERAL (VALUES ` + levelsOfProduct() + `) l (level, cell, city_key)`,
	},
	{table: "tag_counts", key: "tag, mode", from: `SELECT t.tag, p.mode, 1 AS n FROM products p CROSS JOIN LATERAL unnest(p.tag_keys) t (tag)`},
	{
		table: "product_groups", key: "key, mode, country_key, city_key, tag_keys",
		from: `SELECT p.group_key AS key, p.mode, p.country_key, p.city_key, p.tag_keys, 1 AS n FROM products p`,
	},
}

// levelsOfProduct are the rows of map_cells that a product is in.
func levelsOfProduct() string {
	rows := []string{"(0::smallint, 0::bigint, p.city_key)"}
	for _, level := range cellLevels {
		rows = append(rows, fmt.Sprintf("(%d, p.cell >> %d, '')", level, 2*(depth-level)))
	}
	return strings.Join(rows, ", ")
}

// group adds up what the public products of a condition are in a table.
func (c counted) group(condition string) string {
	sums := "sum(n) AS n"
	for _, s := range c.sums {
		sums += ", sum(" + s + ") AS " + s
	}
	return `SELECT ` + c.key + `, ` + sums + ` FROM (` + c.from + ` WHERE p.public AND ` + condition + `) added GROUP BY ` + c.key
}

// enter adds the public products of a condition to the table.
func (c counted) enter(condition string) string {
	add := "n = c.n + excluded.n"
	for _, s := range c.sums {
		add += ", " + s + " = c." + s + " + excluded." + s
	}
	return `INSERT INTO ` + c.table + ` AS c ` + c.group(condition) + ` ON CONFLICT (` + c.primary() + `) DO UPDATE SET ` + add
}

// leave takes them out. A row of which nothing is left goes: tables that come about in other ways must be the same.
func (c counted) leave(condition string) string {
	take, same := "n = c.n - d.n", make([]string, 0, 5)
	for _, s := range c.sums {
		take += ", " + s + " = c." + s + " - d." + s
	}
	for column := range strings.SplitSeq(c.primary(), ", ") {
		same = append(same, "c."+column+" = d."+column)
	}
	match := strings.Join(same, " AND ")
	return `WITH d AS MATERIALIZED (` + c.group(condition) + `),
		gone AS (DELETE FROM ` + c.table + ` c USING d WHERE ` + match + ` AND c.n = d.n)
		UPDATE ` + c.table + ` c SET ` + take + ` FROM d WHERE ` + match + ` AND c.n > d.n`
}

// primary is the table's primary key; what else a group is known by follows from it.
func (c counted) primary() string {
	if first, _, _ := strings.Cut(c.key, ","); first == "key" {
		return first
	}
	return c.key
}

const (
	enterSample = `INSERT INTO product_sample (id, provider_id, x, y, mode, country_key, city_key, tag_keys, text)
		SELECT p.id, p.provider_id, p.x, p.y, p.mode, p.country_key, p.city_key, p.tag_keys, p.text
		FROM products p WHERE p.public AND get_byte(uuid_send(p.id), 15) < 256 / 64 AND `
	leaveSample = `DELETE FROM product_sample s USING products p WHERE s.id = p.id AND get_byte(uuid_send(p.id), 15) < 256 / 64 AND p.public AND `
)

// queueLeave takes the public products of a condition out of all that is counted; queueEnter adds them.
func queueLeave(batch *pgx.Batch, condition string, args ...any) {
	for _, c := range countedTables {
		batch.Queue(c.leave(condition), args...)
	}
	batch.Queue(leaveSample+condition, args...)
}

func queueEnter(batch *pgx.Batch, condition string, args ...any) {
	for _, c := range countedTables {
		batch.Queue(c.enter(condition), args...)
	}
	batch.Queue(enterSample+condition, args...)
}

// The conditions that name products: by their ids, by their providers' without some of their own, and by either.
const (
	theseProducts   = `p.id = ANY ($1)`
	allBut          = `p.provider_id = ANY ($1) AND NOT p.id = ANY ($2)`
	theirOrProducts = `(p.id = ANY ($1) OR p.provider_id = ANY ($1))`
)

// groupKey is what products that are alike in all that is counted have in common.
func groupKey(mode, country, city string, tags []string) uuid.UUID {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{mode, country, city}, tags...), "\n")))
	return uuid.UUID(sum[:16])
}

// but is a list of products that a condition leaves out; never null, which would leave out everything.
func but(ids projections.Keys) projections.Keys { return projections.OrEmpty(ids) }
