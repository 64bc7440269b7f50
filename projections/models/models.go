// Package models lists all read models. It stands apart from package projections, which each of them imports.
package models

import (
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/directory"
	"waybill/projections/figures"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/pictures"
	"waybill/projections/review"
	"waybill/projections/workload"
)

// All are Waybill's read models.
var All = []projections.ReadModel{
	listing.Model, backoffice.Model, review.Model, bookings.Model, history.Model, directory.Model, pictures.Model,
	workload.Model, figures.Model,
}
