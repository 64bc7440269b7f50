package api_test

import (
	"crypto/md5"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
	"waybill/projections/models"
	"waybill/projections/modeltest"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
)

// many is how many rows the tables of a crowded world have, for what a list shows of them.
const many = 40_000

// crowded is a world in which every list is long. What is rare is oldest, where a walk along a list comes last.
type crowded struct {
	*world

	reviewer, auditor, operator, owner, enterprise as
	// other is an enterprise of whom there is little.
	other as
	// node records what the node's projectors and reactions ask, on nodePool.
	node     *modeltest.Recorder
	nodePool *pgxpool.Pool
	// product is one of which there are most bookings, and rare one of few.
	product, rare, booking, hook, export string
}

// crowd makes a world and fills its tables.
func crowd(t *testing.T) *crowded {
	t.Helper()
	c := &crowded{node: &modeltest.Recorder{}}
	c.world = startTelling(t, func(config *runtime.Config) {
		c.nodePool = c.node.Pool(t, config.Pool)
		config.Pool = c.nodePool
	})
	c.reviewer, c.auditor, c.operator = c.staff(domain.RoleReviewer), c.staff(domain.RoleAuditor), c.staff(domain.RoleOperator)
	c.owner, c.enterprise, c.other = c.provider(c.reviewer), c.world.enterprise(), c.world.enterprise()
	c.product, _ = c.listed(c.owner, c.reviewer)
	c.rare, _ = c.listed(c.owner, c.reviewer)
	c.booking = c.do(c.enterprise, "POST", "/api/v1/bookings", inquiry(c.product)).is(201).text("id")
	c.do(c.other, "POST", "/api/v1/bookings", inquiry(c.rare)).is(201)
	hook := c.do(c.owner, "POST", ownHooks, m{"url": "http://127.0.0.1:1/", "types": []string{"booking-requested.v1"}}).is(201)
	c.hook = hook.text("id")
	export := c.do(c.auditor, "GET", "/api/v1/audit/export?format=jsonl&kind=pins", nil).is(200)
	c.export = export.header.Get("Waybill-Export")
	c.settled()
	c.fill()
	return c
}

// settled waits until every read model is where the log is.
func (c *crowded) settled() {
	c.t.Helper()
	head, err := c.commands.Head(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, model := range models.All {
		c.eventually(model.Name+" is up to date", func() bool {
			return c.deps.Positions.Wait(c.t.Context(), model.Name, head) == nil
		})
	}
}

// rows multiplies one row of a table, with other values in some columns: SQL in which i counts from 1.
type rows struct {
	model, table, like string
	n                  int
	set                map[string]string
}

func (c *crowded) fill() {
	c.t.Helper()
	all := slices.Concat(c.listingRows(), c.deskRows(), c.bookingRows(), c.restRows())
	for _, r := range all {
		c.multiply(r)
	}
	if _, err := c.pool.Exec(c.t.Context(), strings.ReplaceAll(sqlSpans, "history.", c.schema("history")+".")+`ANALYZE`); err != nil {
		c.t.Fatal(err)
	}
}

// schema is a read model's, or the one of that name.
func (crowded) schema(name string) string {
	for _, model := range models.All {
		if model.Name == name {
			return model.Schema
		}
	}
	return name
}

func (c *crowded) multiply(r rows) {
	c.t.Helper()
	schema := c.schema(r.model)
	columns, err := c.pool.Query(c.t.Context(), `SELECT column_name FROM information_schema.columns
		WHERE table_schema = $1 AND table_name = $2 AND is_generated = 'NEVER' AND is_identity = 'NO' ORDER BY ordinal_position`, schema, r.table)
	if err != nil {
		c.t.Fatal(err)
	}
	var names, values []string
	left := maps.Clone(r.set)
	for columns.Next() {
		var name string
		if err := columns.Scan(&name); err != nil {
			c.t.Fatal(err)
		}
		value, ok := left[name]
		if delete(left, name); !ok {
			value = "a." + name
		}
		names, values = append(names, name), append(values, value)
	}
	if columns.Err() != nil || len(left) > 0 {
		c.t.Fatalf("%s.%s: %v, no columns %v", schema, r.table, columns.Err(), left)
	}
	table := schema + "." + r.table
	like := "(SELECT * FROM " + table + " WHERE " + r.like + " LIMIT 1)"
	if r.like == "" {
		like = "(SELECT 1)"
	}
	sql := fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM %s a, generate_series(1, %d) i`,
		table, strings.Join(names, ", "), strings.Join(values, ", "), like, r.n)
	tag, err := c.pool.Exec(c.t.Context(), sql)
	if err == nil && tag.RowsAffected() != int64(r.n) {
		err = fmt.Errorf("%d rows, not %d", tag.RowsAffected(), r.n)
	}
	if err != nil {
		c.t.Fatalf("%v\n%s", err, sql)
	}
}

// sqlBegin is when the rows begin.
var sqlBegin = time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)

// sqlAt is the time of the one by one number, in SQL: an hour each, but for some in the middle that are of one time.
var sqlAt = fmt.Sprintf(`'2019-01-01Z'::timestamptz + (CASE WHEN i BETWEEN %[1]d AND %[1]d + 1000 THEN %[1]d ELSE i END) * interval '1 hour'`, many/2)

// sqlLater are the times of the history: an hour each, after what really happened.
const sqlLater = `date_trunc('hour', now()) + i * interval '1 hour'`

// sqlSpans are the spans of the history's hours.
const sqlSpans = `INSERT INTO history.spans SELECT s, (extract(epoch FROM at)::bigint + 28800) / s * s - 28800, min(position), max(position)
	FROM history.entries, (VALUES (60), (3600), (86400)) v (s) WHERE position > 1000 GROUP BY 1, 2 ON CONFLICT DO NOTHING;`

func few(rare, common string) string {
	return "CASE WHEN i <= 3 THEN " + rare + " ELSE " + common + " END"
}

// half is one value for the older half and another for the newer one.
func half(older, newer string) string {
	return fmt.Sprintf("CASE WHEN i <= %d THEN %s ELSE %s END", many/2, older, newer)
}

// sqlText is a text: rare, of the older half, or of the newer one.
var sqlText = fmt.Sprintf("CASE WHEN i <= 3 THEN '少见' WHEN i <= %d THEN '海运 旧货' ELSE '海运' END", many/2)

// sqlMonthTerms are the terms of sqlText at sqlAt, from a table of them: with the values of the oldest few, of all others, and of the newer half.
func (c *crowded) sqlMonthTerms(table string, owner uuid.UUID, few, others, newer []string) string {
	c.t.Helper()
	if _, err := c.pool.Exec(c.t.Context(), `CREATE SCHEMA IF NOT EXISTS plans; CREATE TABLE IF NOT EXISTS plans.terms (of text, text text, month date, terms integer[],
		PRIMARY KEY (of, text, month))`); err != nil {
		c.t.Fatal(err)
	}
	for month := sqlBegin; month.Before(sqlBegin.Add(many*time.Hour + 31*24*time.Hour)); month = month.AddDate(0, 1, 0) {
		for text, values := range map[string][]string{"少见": few, "海运 旧货": others, "海运": slices.Concat(others, newer)} {
			if _, err := c.pool.Exec(c.t.Context(), `INSERT INTO plans.terms VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, table, text, month,
				projections.MonthTerms(month, owner, values, text)); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	return fmt.Sprintf(`(SELECT t.terms FROM plans.terms t WHERE t.of = '%s' AND t.text = %s AND t.month = date_trunc('month', (%s) AT TIME ZONE 'UTC')::date)`,
		table, sqlText, sqlAt)
}

// sqlID is the id by a name and the number.
func sqlID(name string) string { return "md5('" + name + "' || i)::uuid" }

// sqlDigest is a digest by the number.
const sqlDigest = `'sha256:' || encode(sha256(i::text::bytea), 'hex')`

func quoted(s string) string { return "'" + s + "'" }

// sqlTerms are the terms of texts.
func sqlTerms(kinds map[byte]string, text string) string {
	var t projections.Terms
	t.AddText(projections.FoldText(text))
	for kind, value := range kinds {
		t.Add(kind, value)
	}
	return "'{" + strings.Trim(strings.ReplaceAll(fmt.Sprint(t.List()), " ", ","), "[]") + "}'::integer[]"
}

// longText is as long as what providers write.
const longText = "海运拼箱整柜每周三周六开航直达越南海防胡志明泰国林查班提供订舱报关仓储拖车保险一条龙服务东南亚航线专业货运代理价格优惠时效稳定"

func (c *crowded) listingRows() []rows {
	like := "id = " + quoted(c.product)
	common, rare := map[byte]string{'m': "sea", 'c': "越南", 'y': "海防", 't': "冷链"}, map[byte]string{'m': "rail", 'c': "老挝", 'y': "万象", 't': "少见"}
	return []rows{
		{model: "listing", table: "products", like: like, n: many, set: map[string]string{
			"id": sqlID("p"), "created_at": sqlAt, "public": "true", "pinned": "false",
			"mode": few("'rail'", "'sea'"), "country_key": few("'老挝'", "'越南'"), "city_key": few("'万象'", "'海防'"),
			"text": few("'少见'", quoted(longText)), "tag_keys": few("'{少见}'::text[]", "'{冷链}'"), "provider_id": "CASE WHEN i <= 2000 THEN " + quoted(c.owner.id.String()) + "::uuid ELSE " + sqlID("v") + " END",
		}},
		{model: "listing", table: "product_details", like: like, n: many, set: map[string]string{"id": sqlID("p")}},
		{model: "listing", table: "product_terms", like: like, n: many, set: map[string]string{
			"id": sqlID("p"), "created_at": sqlAt, "public": "true", "pinned": "false", "sampled": "i % 64 = 0",
			"terms": few(sqlTerms(rare, "少见"), sqlTerms(common, longText)),
		}},
		{model: "listing", table: "product_tags", like: like, n: many, set: map[string]string{
			"id": sqlID("p"), "created_at": sqlAt, "pinned": "false", "tag": few("'少见'", "'冷链'"),
		}},
		{model: "listing", table: "product_sample", n: many / 64, set: map[string]string{
			"id": "md5('p' || i * 64)::uuid", "provider_id": sqlID("v"), "x": "1", "y": "1", "mode": "'sea'", "country_key": "'越南'", "city_key": "'海防'",
			"tag_keys": "'{冷链}'::text[]", "text": quoted(longText),
		}},
		{model: "listing", table: "providers", like: "id = " + quoted(c.owner.id.String()), n: many, set: map[string]string{"id": sqlID("v")}},
	}
}

func (c *crowded) deskRows() []rows {
	owner := quoted(c.owner.id.String()) + "::uuid"
	return []rows{
		{model: "backoffice", table: "applications", like: "provider_id = " + owner, n: many, set: map[string]string{
			"provider_id": sqlID("v"), "applied_at": sqlAt, "standing": few("'suspended'", "'active'"), "uscc": "'U' || i",
			"text": sqlText, "live_text": "''", "terms": c.sqlMonthTerms("applications", uuid.Nil, []string{"standing suspended"}, []string{"standing active"}, nil),
		}},
		{model: "backoffice", table: "products", like: "id = " + quoted(c.product), n: many, set: map[string]string{
			"id": sqlID("p"), "created_at": sqlAt, "review": few("'rejected'", "'approved'"), "listed": few("true", "false"),
			"content": few(`'{"mode":"rail"}'::json`, "a.content"), "text": sqlText, "terms": c.sqlMonthTerms("products", c.owner.id, []string{"review rejected", "listed true", "mode rail"},
				[]string{"review approved", "listed false", "mode sea"}, nil),
		}},
		{model: "directory", table: "accounts", like: "id = " + quoted(c.enterprise.id.String()), n: many, set: map[string]string{
			"id": sqlID("c"), "opened_at": sqlAt, "closed": few("true", "false"), "uscc": half("''", "'U' || i"), "text": sqlText,
			"terms": c.sqlMonthTerms("accounts", uuid.Nil, []string{"closed true"}, []string{"closed false"}, []string{"enterprise"}),
			"roles": "CASE i WHEN 1 THEN '{auditor}'::text[] WHEN 2 THEN '{reviewer}' ELSE '{}' END",
		}},
		{model: "review", table: "subjects", like: "id = " + quoted(c.product), n: many, set: map[string]string{"id": sqlID("p")}},
		{model: "review", table: "submissions", like: "subject_id = " + quoted(c.product), n: many, set: map[string]string{
			"subject_id": sqlID("p"), "since": sqlAt, "state": few("'rejected'", "'approved'"), "kind": few("'provider'", "'product'"), "provider_type": few("'customs'", "'logistics'"),
		}},
		{model: "review", table: "submissions", like: "subject_id = " + quoted(c.product), n: many, set: map[string]string{
			"subject_id": sqlID("p"), "content_revision": "2", "since": sqlAt, "state": "'pending'", "submitted_by": few(sqlID("a"), owner),
		}},
		{model: "review", table: "cases", n: many, set: map[string]string{
			"subject_id": sqlID("p"), "kind": few("'provider'", "'product'"), "content_revision": "2", "provider_id": few(sqlID("v"), owner),
			"provider_type": "'logistics'", "submitted_by": few(sqlID("a"), owner), "withheld": "false", "mismatch": few("true", "false"),
			"finding": few("true", "false"), "resubmitted": few("true", "false"), "first_approved": few("true", "false"), "revoked": few("true", "false"),
			"taken_down": few("true", "false"), "due_from": sqlAt, "due_at": sqlAt + ` + interval '1 day'`, "due_estimated": "false", "due_calendar": "''",
		}},
		{model: "review", table: "claims", n: 40, set: map[string]string{
			"case_id": sqlID("p"), "kind": "'product'", "claim": sqlID("k"), "reviewer": few(quoted(c.reviewer.id.String())+"::uuid", sqlID("r")),
			"claimed_at": "now()", "until": "now() + interval '1 hour'",
		}},
	}
}

func (c *crowded) bookingRows() []rows {
	enterprise := quoted(c.enterprise.id.String()) + "::uuid"
	booked := func(name string, product string, set map[string]string) rows {
		r := rows{model: "bookings", table: "bookings", like: "id = " + quoted(c.booking), n: many, set: map[string]string{
			"id": sqlID(name), "requested_at": sqlAt, "state": few("'awaiting_reply'", "'closed'"), "product_id": product,
			"replies": few(`'[{}]'::json`, `'[]'::json`),
		}}
		maps.Copy(r.set, set)
		return r
	}
	common := quoted(c.product) + "::uuid"
	return []rows{
		booked("b", few(quoted(c.rare)+"::uuid", common), nil),
		// Of another provider's product, which everybody but the enterprise books; and what the enterprise books of others.
		booked("d", quoted(md5ID("foreign"))+"::uuid", map[string]string{"enterprise_id": sqlID("e"), "provider_id": quoted(md5ID("foreign owner")) + "::uuid"}),
		booked("f", common, map[string]string{"enterprise_id": few(quoted(c.other.id.String())+"::uuid", sqlID("e"))}),
		booked("g", sqlID("p"), map[string]string{"enterprise_id": enterprise, "provider_id": sqlID("v")}),
	}
}

func (c *crowded) restRows() []rows {
	owner := quoted(c.owner.id.String()) + "::uuid"
	hook := quoted(c.hook)
	return []rows{
		{model: "webhooks", table: "hooks", like: "id = " + hook + "::uuid", n: many, set: map[string]string{
			"id": sqlID("h"), "owner": half(owner, sqlID("v")), "registered_at": sqlAt, "standing": few("'active'", "'removed'"),
		}},
		{model: "projections", table: "ledger", n: many, set: map[string]string{
			"projection": quoted(reactions.WebhooksStored), "event_id": sqlID("l"), "recipient": hook, "object": "'o' || i", "stream": "'booking-' || " + sqlID("b"),
			"revision": "0", "position": "i", "type": "'booking-requested.v1'", "state": few("'skipped'", "'done'"), "tries": "1", "error": "''",
			"due_at": "now()", "settled_at": "now()", "head": "false",
		}},
		{model: "feed", table: "items", n: many, set: map[string]string{
			"position": "1000 + i", "audience": few("'review'", "'all'"), "owner": quoted(uuid.Nil.String()) + "::uuid", "previous": "999 + i",
			"event_id": sqlID("l"), "type": "'booking-requested.v1'", "kind": "'booking'", "object_id": sqlID("b"), "revision": "0", "at": sqlAt, "data": "'{}'::json",
		}},
		{model: "workload", table: "decisions", n: many, set: map[string]string{
			"subject_id": sqlID("p"), "revision": "1", "kind": "'product'", "outcome": "'approved'", "content_revision": "1", "reviewer": "md5('r' || i % 9)::uuid",
			"waiting_since": sqlAt, "decided_at": `'2016-01-01Z'::timestamptz + i * interval '1 hour'`, "claim": "NULL", "overturned_at": "NULL",
		}},
		{model: "workload", table: "claims", n: many, set: map[string]string{
			"id": sqlID("k"), "subject_id": sqlID("p"), "kind": "'product'", "reviewer": "md5('r' || i % 9)::uuid",
			"claimed_at": `'2016-01-01Z'::timestamptz + i * interval '1 hour'`, "until": sqlAt,
			"ended_at": `'2016-01-01Z'::timestamptz + i * interval '1 hour'`, "ending": "'decided'",
		}},
		{model: "history", table: "classes", n: 40, set: map[string]string{"id": "i", "kind": "'product'", "type": "'type' || i", "role": "'role'"}},
		{model: "history", table: "entries", like: "kind = 'product'", n: many, set: map[string]string{
			"position": "1000 + i", "class": "1 + i % 40", "subject_id": "CASE WHEN i <= 500 THEN " + quoted(c.product) + "::uuid ELSE " + sqlID("p") + " END", "event_id": sqlID("l"),
			"actor_id": half(owner, sqlID("a")), "at": sqlLater, "correlation_id": sqlID("q"), "request_id": "'r' || i", "provider_id": half(owner, sqlID("v")),
		}},
		{model: "projections", table: "ledger", n: many / 4, set: map[string]string{
			"projection": quoted(reactions.WebhooksStored), "event_id": sqlID("g"), "recipient": "md5('h' || i % 9)", "object": "'g' || i", "stream": "'booking-' || " + sqlID("g"),
			"revision": "0", "position": "i", "type": "'booking-requested.v1'", "state": "'given_up'", "tries": "1", "error": "''",
			"due_at": "now()", "settled_at": "now()", "head": "false",
		}},
		{model: "projections", table: "dead_letters", n: many / 4, set: map[string]string{
			"projection": quoted(c.schema("review")), "position": "1000000 + i", "stream": "'product-' || md5('x' || i % 9999)::uuid", "revision": "0",
			"event_id": sqlID("x"), "type": "'product-submitted.v1'", "error": "''", "parked_at": "now()",
		}},
		{model: "media", table: "blobs", n: many / 4, set: map[string]string{"digest": sqlDigest, "touched_at": "now() - interval '2 days'"}},
		{model: "media", table: "uploads", n: many / 4, set: map[string]string{
			"account_id": sqlID("c"), "digest": sqlDigest, "purpose": "'cover'", "format": "'png'", "width": "1", "height": "1", "bytes": "1",
			"uploaded_at": "now() - interval '2 days'", "used_at": "now() - interval '2 days'",
		}},
		{model: "access", table: "tokens", like: "true", n: many, set: map[string]string{"hash": "sha256(i::text::bytea)", "id": sqlID("t"), "account_id": sqlID("c")}},
		{model: "pictures", table: "uses", like: "true", n: many, set: map[string]string{"object": sqlID("p")}},
	}
}

// md5ID is the id that sqlID makes of a name and a number.
func md5ID(name string) string {
	return uuid.UUID(md5.Sum([]byte(name))).String()
}
