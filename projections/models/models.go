// Package models lists all read models. It stands apart from package projections, which each of them imports.
package models

import (
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/directory"
	"waybill/projections/feed"
	"waybill/projections/figures"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/pictures"
	"waybill/projections/reporting"
	"waybill/projections/review"
	"waybill/projections/webhooks"
	"waybill/projections/workload"
)

// All are Waybill's read models.
var All = []projections.ReadModel{
	listing.Model, backoffice.Model, review.Model, bookings.Model, history.Model, directory.Model, pictures.Model,
	workload.Model, feed.Model, figures.Model, reporting.Model, webhooks.Model,
}
