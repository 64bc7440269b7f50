package projections

// Models are all of Waybill's read models.
var Models = []ReadModel{Listing, Backoffice, Review, Bookings, History}
