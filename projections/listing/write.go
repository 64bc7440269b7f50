package listing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// columns are the columns of products that change without the content.
type columns struct {
	ids, providers         projections.Keys
	created                []time.Time
	public, pinned, listed []bool
	revision               []int64
	live                   []int32
}

func (r *columns) add(p *productRow, public bool) {
	r.ids, r.providers, r.created = append(r.ids, p.id), append(r.providers, p.providerID), append(r.created, p.createdAt)
	r.public, r.pinned, r.listed = append(r.public, public), append(r.pinned, p.pinned), append(r.listed, p.listed)
	r.revision = append(r.revision, int64(p.revision)) //nolint:gosec // fits a bigint
	r.live = append(r.live, int32(p.liveRevision))     //nolint:gosec // revisions count from 1
}

// spots are where products are that were found to be there.
type spots struct {
	ids                 projections.Keys
	latitude, longitude []float64
	cells               []int64
	x, y                []int32
}

func (r *spots) add(id uuid.UUID, p place.Point) {
	at := spotOf(p)
	r.ids, r.latitude, r.longitude = append(r.ids, id), append(r.latitude, p.Latitude), append(r.longitude, p.Longitude)
	r.cells, r.x, r.y = append(r.cells, at.cell(depth)), append(r.x, at.x), append(r.y, at.y)
}

// pendingRows are the changes of the table of content that awaits approval.
type pendingRows struct {
	ids, gone projections.Keys
	revisions []int32
	contents  []string
}

func (r *pendingRows) add(id uuid.UUID, p *pendingContent, stored bool) error {
	switch {
	case !p.changed:
	case p.content == nil:
		if stored {
			r.gone = append(r.gone, id)
		}
	default:
		content, err := json.Marshal(p.content)
		if err != nil {
			return fmt.Errorf("pending content: %w", err)
		}
		r.ids, r.contents = append(r.ids, id), append(r.contents, string(content))
		r.revisions = append(r.revisions, int32(p.revision)) //nolint:gosec // revisions count from 1
	}
	return nil
}

func (b *batchFold) public(p *productRow) bool {
	owner, withheld := p.owner, p.withheld
	if v, ok := b.providers[p.providerID]; ok {
		owner, withheld = v.standing, withheld || v.withheld
	}
	return !withheld && product.State{ApprovedRevision: p.liveRevision, Listed: p.listed, Deleted: p.deleted}.Public(owner)
}

// write brings the tables to the folded state, in one round trip.
func (b *batchFold) write(ctx context.Context, tx pgx.Tx) error {
	var (
		fresh, changed       columns
		live                 []*productRow
		untag, retag, moved  projections.Keys // tags to take away and to give; rows whose place in the list changed
		uncount, count       projections.Keys // those whose part in the counts changed
		gone                 projections.Keys
		found                spots
		pending              pendingRows
		activated, withdrawn projections.Keys // providers
		switched             projections.Keys // both
		batch                pgx.Batch
	)
	for _, p := range b.order {
		public := b.public(p)
		switch {
		case p.deleted && !p.stored:
			continue
		case p.deleted:
			p.pending = pendingContent{changed: true}
			gone = append(gone, p.id)
		case p.live != nil:
			live = append(live, p)
		case p.stored:
			changed.add(p, public)
		default:
			fresh.add(p, public)
		}
		if p.live != nil || public != p.wasPublic || p.pinned != p.wasPinned {
			moved = append(moved, p.id)
			if p.wasPublic {
				untag = append(untag, p.id)
			}
			if public {
				retag = append(retag, p.id)
			}
		}
		if p.point != nil && !p.deleted {
			found.add(p.id, *p.point)
		}
		if p.live != nil || p.point != nil || public != p.wasPublic {
			if p.wasPublic {
				uncount = append(uncount, p.id)
			}
			if public {
				count = append(count, p.id)
			}
		}
		if err := pending.add(p.id, &p.pending, p.stored); err != nil {
			return err
		}
	}
	for _, v := range b.providers {
		if !v.changed {
			continue
		}
		if err := pending.add(v.id, &v.pending, true); err != nil {
			return err
		}
		batch.Queue(upsertProvider, v.id, v.standing, v.liveRevision, v.name, v.logo, v.introduction, v.revision)
		switch {
		case v.active() && !v.wasActive:
			activated, switched = append(activated, v.id), append(switched, v.id)
		case !v.active() && v.wasActive:
			withdrawn, switched = append(withdrawn, v.id), append(switched, v.id)
		}
	}

	queue := func(ids projections.Keys, sql string, args ...any) {
		if len(ids) > 0 {
			batch.Queue(sql, args...)
		}
	}
	queue(untag, untagProducts+`p.id = ANY ($1)`+untagEnd, untag)
	queue(withdrawn, untagProducts+`p.provider_id = ANY ($1)`+untagEnd, withdrawn)
	queue(uncount, leaveThese, uncount)
	queue(sampled(uncount), leaveSample+theseProducts, sampled(uncount))
	queue(withdrawn, leaveAllBut, withdrawn, projections.OrEmpty(uncount))
	queue(withdrawn, leaveSample+allBut, withdrawn, projections.OrEmpty(uncount))
	for _, table := range []string{"products", "product_details", "product_terms"} {
		queue(gone, `DELETE FROM `+table+` WHERE id = ANY ($1)`, gone)
	}
	queue(fresh.ids, insertProducts, fresh.ids, fresh.providers, fresh.created, fresh.public, fresh.pinned, fresh.listed, fresh.revision)
	queue(changed.ids, updateProducts, changed.ids, changed.public, changed.pinned, changed.listed, changed.revision, changed.live)
	queue(found.ids, placeProducts, found.ids, found.latitude, found.longitude, found.cells, found.x, found.y)
	for _, p := range live {
		batch.Queue(upsertProduct, liveArgs(p, b.public(p))...)
	}
	queue(switched, publishProducts+`p.provider_id = ANY ($1)`+publishEnd, switched)
	queue(moved, moveTerms+`p.id = ANY ($1)`, moved)
	queue(switched, moveTerms+`p.provider_id = ANY ($1)`, switched)
	queue(retag, tagProducts+`p.id = ANY ($1)`, retag)
	queue(activated, tagProducts+`p.provider_id = ANY ($1) ON CONFLICT DO NOTHING`, activated) // some are just above
	queue(count, enterThese, count)
	queue(sampled(count), enterSample+theseProducts, sampled(count))
	queue(activated, enterAllBut, activated, projections.OrEmpty(count))
	queue(activated, enterSample+allBut, activated, projections.OrEmpty(count))
	queue(pending.gone, `DELETE FROM pending WHERE subject = ANY ($1)`, pending.gone)
	queue(pending.ids, upsertPending, pending.ids, pending.revisions, pending.contents)
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

const (
	upsertProvider = `INSERT INTO providers (id, standing, live_revision, name, logo, introduction, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET standing = excluded.standing, live_revision = excluded.live_revision, name = excluded.name,
			logo = excluded.logo, introduction = excluded.introduction, revision = excluded.revision`

	insertProducts = `INSERT INTO products (id, provider_id, created_at, public, pinned, listed, live_revision, revision)
		SELECT id, provider_id, created_at, public, pinned, listed, 0, revision
		FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::boolean[], $5::boolean[], $6::boolean[], $7::bigint[])
			AS n (id, provider_id, created_at, public, pinned, listed, revision)`

	updateProducts = `UPDATE products p SET public = n.public, pinned = n.pinned, listed = n.listed, revision = n.revision,
			live_revision = n.live
		FROM unnest($1::uuid[], $2::boolean[], $3::boolean[], $4::boolean[], $5::bigint[], $6::integer[])
			AS n (id, public, pinned, listed, revision, live)
		WHERE p.id = n.id`

	placeProducts = `UPDATE products p SET wgs_latitude = n.latitude, wgs_longitude = n.longitude, cell = n.cell, x = n.x, y = n.y
		FROM unnest($1::uuid[], $2::double precision[], $3::double precision[], $4::bigint[], $5::integer[], $6::integer[])
			AS n (id, latitude, longitude, cell, x, y)
		WHERE p.id = n.id`

	upsertProduct = `WITH d AS (
			INSERT INTO product_details (id, details) VALUES ($1, $23)
			ON CONFLICT (id) DO UPDATE SET details = excluded.details
		), t AS (
			INSERT INTO product_terms (id, created_at, public, pinned, sampled, terms) VALUES ($1, $3, $4, $5, $25, $24)
			ON CONFLICT (id) DO UPDATE SET public = excluded.public, pinned = excluded.pinned, terms = excluded.terms
		)
		INSERT INTO products (id, provider_id, created_at, public, pinned, listed, live_revision, revision,
			latitude, longitude, crs, mode, country, city, country_key, city_key, name, brief, cover, tags, tag_keys, text,
			cell, x, y, group_key, wgs_latitude, wgs_longitude)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $26, $27, $28, $29, $30, $31)
		ON CONFLICT (id) DO UPDATE SET public = excluded.public, pinned = excluded.pinned, listed = excluded.listed,
			live_revision = excluded.live_revision, revision = excluded.revision, latitude = excluded.latitude,
			longitude = excluded.longitude, crs = excluded.crs, mode = excluded.mode, country = excluded.country,
			city = excluded.city, country_key = excluded.country_key, city_key = excluded.city_key, name = excluded.name,
			brief = excluded.brief, cover = excluded.cover, tags = excluded.tags, tag_keys = excluded.tag_keys,
			text = excluded.text, cell = excluded.cell, x = excluded.x, y = excluded.y, group_key = excluded.group_key,
			wgs_latitude = excluded.wgs_latitude, wgs_longitude = excluded.wgs_longitude`

	moveTerms = `UPDATE product_terms t SET public = p.public, pinned = p.pinned FROM products p
		WHERE t.id = p.id AND (t.public, t.pinned) <> (p.public, p.pinned) AND `

	// What batchFold.public, and so product.State.Public, says of one product, for all of some.
	publishProducts = `UPDATE products p SET public = n.public FROM (
			SELECT p.id, p.listed AND p.live_revision > 0 AND v.standing = '` + string(provider.StandingActive) + `' AND NOT EXISTS (
				SELECT FROM withheld w WHERE w.subject IN (p.id, p.provider_id)) AS public
			FROM products p JOIN providers v ON v.id = p.provider_id WHERE `
	publishEnd = `) n WHERE p.id = n.id AND p.public <> n.public`

	untagProducts = `DELETE FROM product_tags t USING (
		SELECT unnest(p.tag_keys) AS tag, p.pinned, p.created_at, p.id FROM products p WHERE p.public AND `
	untagEnd = `) o WHERE t.tag = o.tag AND t.pinned = o.pinned AND t.created_at = o.created_at AND t.id = o.id`

	tagProducts = `INSERT INTO product_tags (tag, pinned, created_at, id)
		SELECT unnest(p.tag_keys), p.pinned, p.created_at, p.id FROM products p WHERE p.public AND `

	upsertPending = `INSERT INTO pending (subject, revision, content)
		SELECT subject, revision, content::json FROM unnest($1::uuid[], $2::integer[], $3::text[]) AS n (subject, revision, content)
		ON CONFLICT (subject) DO UPDATE SET revision = excluded.revision, content = excluded.content`
)

func liveArgs(p *productRow, public bool) []any {
	c := p.live
	d := c.Destination
	fold := projections.FoldText
	mode, country, city, tags := fold(string(c.Mode)), fold(d.Country), fold(d.City), tagKeys(c.Tags)
	text, point := searchText(c.Content), c.point()
	at := spotOf(point)
	t := make(projections.Terms, 0, 2*len(text)/3)
	t.AddText(text)
	t.Add(termMode, mode)
	t.Add(termCountry, country)
	t.Add(termCity, city)
	for _, tag := range tags {
		t.Add(termTag, tag)
	}
	return []any{
		[16]byte(p.id), [16]byte(p.providerID), p.createdAt, public, p.pinned, p.listed, p.liveRevision, p.revision,
		d.Latitude, d.Longitude, d.CRS, string(c.Mode), d.Country, d.City, country, city, c.Name, c.Brief, string(c.Cover),
		projections.OrEmpty(c.Tags), tags, text, projections.OrEmpty(c.Details), t.List(), p.id[15] < 256/sampleShare,
		at.cell(depth), at.x, at.y, [16]byte(groupKey(mode, country, city, tags)), point.Latitude, point.Longitude,
	}
}
