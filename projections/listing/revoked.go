package listing

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

// selectShown is the content of some products that were approved once.
const selectShown = `SELECT p.id, p.name, p.brief, p.tags, p.mode, p.country, p.city, p.latitude, p.longitude, p.crs, p.cover,
		p.wgs_latitude, p.wgs_longitude, d.details
	FROM products p JOIN product_details d ON d.id = p.id WHERE p.id = ANY ($1)`

func (b *batchFold) loadShown(rows pgx.Rows) error {
	var (
		id uuid.UUID
		c  located
	)
	d := &c.Destination
	_, err := pgx.ForEachRow(rows, []any{
		&id, &c.Name, &c.Brief, &c.Tags, &c.Mode, &d.Country, &d.City, &d.Latitude, &d.Longitude, &d.CRS, &c.Cover,
		&c.Point.Latitude, &c.Point.Longitude, &c.Details,
	}, func() error {
		shown := c
		b.products[id].shown = &shown
		c.Tags, c.Details = nil, nil
		return nil
	})
	return err
}

// revoke takes the live revision back. Its content awaits approval again, unless a later one was submitted.
func (p *productRow) revoke(revision domain.ContentRevision) error {
	if revision != p.liveRevision {
		return fmt.Errorf("revocation of revision %d, but %d is live", revision, p.liveRevision)
	}
	p.liveRevision, p.listed, p.pinned = 0, false, false
	if p.pending.revision > 0 {
		return nil
	}
	was := p.live
	if was == nil {
		was = p.shown
	}
	if was == nil {
		return fmt.Errorf("revocation of revision %d, whose content is not there", revision)
	}
	// As the tables have it, whether or not they had it before this batch.
	again := *was
	again.Point = was.point()
	if p.live == nil && p.point != nil {
		again.Point = *p.point
	}
	again.Tags, again.Details = projections.OrEmpty(again.Tags), projections.OrEmpty(again.Details)
	p.pending.submit(revision, again)
	return nil
}
