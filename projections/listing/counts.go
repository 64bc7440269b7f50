package listing

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"waybill/projections"
)

// What is counted is kept by difference, in the transaction of the change: products leave the counts as they were before it, and
// enter them as they are after it. Both name the products by a condition, and only the public ones among them count.

// cellLevels are those whose cells are counted, beside level 0. The cells of a level between are sums of at most 16 of the next one's.
var cellLevels = []int{3, 6, 9, 12, finest}

// finest is the last level whose cells are counted: 1.2 km at the equator.
const finest = 15

// counted is a table of counts: its key, what else its rows say, and where its rows come from; n, and the columns of sums, add up.
type counted struct {
	table, key, also, from string
	sums                   []string
}

// alikeProducts is one row for all products of a condition that are alike: most are, so that little is left to add to each table.
func alikeProducts(condition string) string {
	return `alike AS MATERIALIZED (
		SELECT group_key AS key, mode, country_key, city_key, tag_keys, p.cell >> ` + fmt.Sprint(2*(depth-finest)) + ` AS cell,
			count(*) AS n, sum(p.x) AS x, sum(p.y) AS y
		FROM products p WHERE p.public AND ` + condition + ` GROUP BY 1, 2, 3, 4, 5, 6)`
}

var countedTables = []counted{
	{table: "product_groups", key: "key", also: ", mode, country_key, city_key, tag_keys", from: "alike"},
	{table: "tag_counts", key: "tag, mode", from: "alike CROSS JOIN LATERAL unnest(tag_keys) t (tag)"},
	{
		table: "map_cells", key: "level, cell, mode, country_key, city_key", sums: []string{"x", "y"},
		from: `(SELECT l.level, l.cell, a.mode, a.country_key, l.city_key, a.n, a.x, a.y
			FROM alike a CROSS JOIN LATERAL (VALUES ` + levelsOfProduct() + `) l (level, cell, city_key)) a`,
	},
}

// levelsOfProduct are the rows of map_cells that products are in.
func levelsOfProduct() string {
	rows := []string{"(0::smallint, 0::bigint, a.city_key)"}
	for _, level := range cellLevels {
		rows = append(rows, fmt.Sprintf("(%d, a.cell >> %d, '')", level, 2*(finest-level)))
	}
	return strings.Join(rows, ", ")
}

// group adds up what is alike to the rows of a table.
func (c counted) group() string {
	sums := "sum(n) AS n"
	for _, s := range c.sums {
		sums += ", sum(" + s + ") AS " + s
	}
	return `SELECT ` + c.key + c.also + `, ` + sums + ` FROM ` + c.from + ` GROUP BY ` + c.key + c.also
}

// enter adds what is alike to the table.
func (c counted) enter() string {
	add := "n = c.n + excluded.n"
	for _, s := range c.sums {
		add += ", " + s + " = c." + s + " + excluded." + s
	}
	return `INSERT INTO ` + c.table + ` AS c ` + c.group() + ` ON CONFLICT (` + c.key + `) DO UPDATE SET ` + add
}

// leave takes it out, in the statements that it returns. A row of which nothing is left goes: tables that come about in other ways must
// be the same.
func (c counted) leave() (group, empty, less string) {
	take, same := "n = c.n - d.n", make([]string, 0, 5)
	for _, s := range c.sums {
		take += ", " + s + " = c." + s + " - d." + s
	}
	for column := range strings.SplitSeq(c.key, ", ") {
		same = append(same, "c."+column+" = d."+column)
	}
	match := c.table + `_less d WHERE ` + strings.Join(same, " AND ")
	return c.table + `_less AS MATERIALIZED (` + c.group() + `)`,
		`DELETE FROM ` + c.table + ` c USING ` + match + ` AND c.n = d.n`,
		`UPDATE ` + c.table + ` c SET ` + take + ` FROM ` + match + ` AND c.n > d.n`
}

// enterCounts adds the public products of a condition to all counts, in one statement; leaveCounts takes them out.
func enterCounts(condition string) string {
	parts := []string{alikeProducts(condition)}
	last := len(countedTables) - 1
	for _, c := range countedTables[:last] {
		parts = append(parts, c.table+`_more AS (`+c.enter()+`)`)
	}
	return `WITH ` + strings.Join(parts, ", ") + countedTables[last].enter()
}

func leaveCounts(condition string) string {
	parts := []string{alikeProducts(condition)}
	for _, c := range countedTables {
		group, empty, less := c.leave()
		parts = append(parts, group, c.table+`_empty AS (`+empty+`)`, c.table+`_rest AS (`+less+`)`)
	}
	return `WITH ` + strings.Join(parts, ", ") + ` SELECT`
}

// The conditions that name products: by their ids, by their providers' without some of their own, and by either.
const (
	theseProducts   = `p.id = ANY ($1)`
	allBut          = `p.provider_id = ANY ($1) AND NOT p.id = ANY ($2)`
	theirOrProducts = `(p.id = ANY ($1) OR p.provider_id = ANY ($1))`
)

var (
	enterThese, leaveThese   = enterCounts(theseProducts), leaveCounts(theseProducts)
	enterAllBut, leaveAllBut = enterCounts(allBut), leaveCounts(allBut)
	enterTheirs, leaveTheirs = enterCounts(theirOrProducts), leaveCounts(theirOrProducts)
)

const (
	inSample    = `get_byte(uuid_send(p.id), 15) < 256 / 64`
	enterSample = `INSERT INTO product_sample (id, provider_id, x, y, mode, country_key, city_key, tag_keys, text)
		SELECT p.id, p.provider_id, p.x, p.y, p.mode, p.country_key, p.city_key, p.tag_keys, p.text
		FROM products p WHERE p.public AND ` + inSample + ` AND `
	leaveSample = `DELETE FROM product_sample s USING products p WHERE s.id = p.id AND p.public AND ` + inSample + ` AND `
)

// sampled are those of some products that are in the sample of one in sampleShare.
func sampled(ids projections.Keys) projections.Keys {
	var in projections.Keys
	for _, id := range ids {
		if id[15] < 256/sampleShare {
			in = append(in, id)
		}
	}
	return in
}

// groupKey is what products that are alike in all that is counted have in common.
func groupKey(mode, country, city string, tags []string) uuid.UUID {
	sum := sha256.Sum256([]byte(strings.Join(append([]string{mode, country, city}, tags...), "\n")))
	return uuid.UUID(sum[:16])
}
