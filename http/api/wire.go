package api

import (
	"encoding/json"
	"math"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/decision"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/directory"
	"waybill/projections/dues"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/review"
)

// What goes over the wire is its own set of types, generated from the specification, so that the domain can change
// without the API changing. These functions are the whole translation.

func (p ProviderProfile) toDomain() provider.Profile {
	return provider.Profile{
		Type: p.Type, Name: p.Name, USCC: p.Uscc, Licence: domain.ImageRef(p.Licence), LegalRepresentative: p.LegalRepresentative,
		Contact: p.Contact, Address: p.Address, Phone: p.Phone, Logo: domain.ImageRef(p.Logo), Introduction: p.Introduction,
	}
}

func profileOf(p provider.Profile) ProviderProfile {
	return ProviderProfile{
		Type: p.Type, Name: p.Name, Uscc: p.USCC, Licence: ImageRef(p.Licence), LegalRepresentative: p.LegalRepresentative,
		Contact: p.Contact, Address: p.Address, Phone: p.Phone, Logo: ImageRef(p.Logo), Introduction: p.Introduction,
	}
}

func certifiedOf(e account.Enterprise) Certified {
	return Certified{Name: e.Name, Uscc: e.USCC, LegalRepresentative: e.LegalRepresentative}
}

func (p ProductContent) toDomain() product.Content {
	d := p.Destination
	return product.Content{
		Name: p.Name, Brief: p.Brief, Tags: p.Tags, Mode: product.Mode(p.Mode),
		Destination: product.Destination{
			Country: d.Country, City: d.City, Latitude: d.Latitude, Longitude: d.Longitude, CRS: string(d.Crs),
		},
		Cover: domain.ImageRef(p.Cover), Details: convert(p.Details, func(r ImageRef) domain.ImageRef { return domain.ImageRef(r) }),
	}
}

func contentOf(p product.Content) ProductContent {
	return ProductContent{
		Name: p.Name, Brief: p.Brief, Tags: list(p.Tags), Mode: Mode(p.Mode), Destination: destinationOf(p.Destination),
		Cover: ImageRef(p.Cover), Details: convert(p.Details, imageOf),
	}
}

func destinationOf(d product.Destination) Destination {
	return Destination{Country: d.Country, City: d.City, Latitude: d.Latitude, Longitude: d.Longitude, Crs: DestinationCrs(d.CRS)}
}

func imageOf(r domain.ImageRef) ImageRef { return ImageRef(r) }

func (r Reason) toDomain() domain.Reason {
	return domain.Reason{Code: r.Code, Field: r.Field, Note: r.Note}
}

func reasonsOf(reasons []domain.Reason) []GivenReason {
	if len(reasons) == 0 {
		return nil
	}
	return convert(reasons, func(r domain.Reason) GivenReason {
		return GivenReason{Code: r.Code, Field: r.Field, Note: r.Note, Text: textOf(rules.TextOfReason(r.Code))}
	})
}

func textOf(t domain.Text) Text { return Text{Zh: t.ZH, En: t.EN} }

func (b BookingRequest) toDomain() booking.Inquiry {
	return booking.Inquiry{
		ContactName: b.ContactName, Phone: b.Phone, Message: b.Message, Goods: b.Goods, WeightVolume: b.WeightVolume,
		Origin: b.Origin, ExpectedDate: b.ExpectedDate,
	}
}

func inquiryOf(q booking.Inquiry) Inquiry {
	return Inquiry{
		ContactName: q.ContactName, Phone: q.Phone, Message: q.Message, Goods: q.Goods, WeightVolume: q.WeightVolume,
		Origin: q.Origin, ExpectedDate: q.ExpectedDate,
	}
}

func applicationStateOf(id uuid.UUID, s provider.State) ApplicationState {
	return ApplicationState{
		ID: id, Standing: Standing(s.Standing), Revision: int32of(s.Revision), Review: Review(s.Review),
		LiveRevision: int32of(s.ApprovedRevision), Reasons: reasonsOf(s.Reasons), PinLimit: pinLimitOf(s.PinLimit),
		Revoked: revokedOf(s.Revoked), FirstApproval: firstApprovalOf(s.First),
	}
}

// pinLimitOf keeps none apart from 0.
func pinLimitOf(limit *int) *int32 {
	if limit == nil {
		return nil
	}
	n := int32of(*limit)
	return &n
}

// productStateOf shows a product as its owner's standing lets the public see it.
func productStateOf(id uuid.UUID, s product.State, owner provider.Standing) ProductState {
	display := displayOf(s.Public(owner))
	if s.Deleted {
		display = DisplayDeleted
	}
	return ProductState{
		ID: id, Revision: int32of(s.Revision), Review: Review(s.Review), LiveRevision: int32of(s.ApprovedRevision),
		Reasons: reasonsOf(s.Reasons), Display: display, Withheld: s.Listed && !s.Public(owner), Pinned: s.Pinned,
		TakenDownReason: takedownOf(s.TakenDown), Revoked: revokedOf(s.Revoked),
	}
}

func revokedOf(r *decision.Revocation) Revoked {
	if r == nil {
		return Revoked{}
	}
	return Revoked{Revision: int32of(r.Revision), Reasons: reasonsOf(r.Reasons)}
}

func firstApprovalOf(f *provider.FirstApproval) FirstApproval {
	if f == nil {
		return FirstApproval{}
	}
	return FirstApproval{Revision: int32of(f.Revision), Reviewer: f.Reviewer}
}

func takedownOf(t *product.Takedown) string {
	if t == nil {
		return ""
	}
	return t.Reason
}

func accountOf(a directory.Account) Account {
	out := Account{
		ID: a.ID, DisplayName: a.DisplayName, Roles: []AccountRoles{}, State: AccountStateOpen, CloseReason: a.CloseReason,
		OpenedAt: at(a.OpenedAt), ClosedAt: timeOf(a.ClosedAt),
	}
	if a.Enterprise != nil {
		out.Certified = certifiedOf(*a.Enterprise)
	}
	if a.Closed {
		out.State = AccountStateClosed
		return out
	}
	if a.Enterprise != nil {
		out.Roles = append(out.Roles, AccountRoles(domain.RoleEnterprise))
	}
	for _, role := range a.Roles {
		out.Roles = append(out.Roles, AccountRoles(role))
	}
	return out
}

func displayOf(listed bool) Display {
	if listed {
		return DisplayListed
	}
	return DisplayUnlisted
}

func bookingStateOf(id uuid.UUID, s booking.State) BookingState {
	return BookingState{
		ID: id, ProductID: s.Request.ProductID, State: BookingProgress(s.Status), Read: s.ReadNumber > 0,
		CloseReason: CloseReason(s.CloseReason),
	}
}

func cardOf(p listing.Card) ProductCard {
	return ProductCard{
		ID: p.ID, Name: p.Name, Brief: p.Brief, Tags: list(p.Tags), Mode: Mode(p.Mode), Destination: destinationOf(p.Destination),
		Point: wgs84(p.Point), Cover: ImageRef(p.Cover), CoverURL: ImageAt(p.Cover), ThumbnailURL: ThumbnailAt(p.Cover),
		Pinned: p.Pinned, CreatedAt: at(p.CreatedAt),
		Provider: ProviderCard{ID: p.ProviderID, Name: p.ProviderName, Logo: ImageRef(p.ProviderLogo), LogoURL: ImageAt(p.ProviderLogo)},
	}
}

// ImageAt is where an image is served, and ThumbnailAt a small one of it.
func ImageAt(r domain.ImageRef) ImageURL { return "/media/" + string(r) }

// ThumbnailAt is where a small picture of an image is served, as large as a row of a list is high.
func ThumbnailAt(r domain.ImageRef) ImageURL { return ImageAt(r) + "?box=120x80" }

func publicProductOf(p listing.Product) Product {
	card := cardOf(p.Card)
	card.Provider.Introduction = p.ProviderIntroduction
	return Product{
		ID: card.ID, Name: card.Name, Brief: card.Brief, Tags: card.Tags, Mode: card.Mode, Destination: card.Destination,
		Point: card.Point, Cover: card.Cover, CoverURL: card.CoverURL, ThumbnailURL: card.ThumbnailURL,
		Details: convert(p.Details, imageOf), DetailUrls: convert(p.Details, ImageAt), Pinned: card.Pinned, CreatedAt: card.CreatedAt,
		Revision: int32of(p.ContentRevision), Provider: card.Provider,
	}
}

// filterOf is what the public list, its map and its facets are narrowed by.
func filterOf(modes []Mode, country, city string, tags []string, of *uuid.UUID, text string) listing.Filter {
	f := listing.Filter{Country: country, City: city, Tags: tags, Provider: of, Text: text}
	f.Modes = convert(modes, func(m Mode) product.Mode { return product.Mode(m) })
	return f
}

func facetsOf(f listing.Facets) ProductFacets {
	of := func(facets []listing.Facet) []Facet {
		return convert(facets, func(f listing.Facet) Facet { return Facet{Value: f.Value, Count: int32of(f.Count)} })
	}
	return ProductFacets{
		Modes: of(f.Modes), Countries: of(f.Countries), Cities: of(f.Cities), Tags: of(f.Tags),
		Total: int32of(f.Total), Estimate: f.Estimate,
	}
}

func mapOf(m listing.Map, zoom int) ProductMap {
	return ProductMap{
		Zoom: int32of(zoom), Area: boxOf(m.Area), Total: int32of(m.Total), Estimate: m.Estimate,
		Products: convert(m.Pins, func(p listing.Card) MapProduct { return MapProduct{At: pointOf(p.Point), Product: cardOf(p)} }),
		Clusters: convert(m.Clusters, func(c listing.Cluster) MapCluster {
			return MapCluster{Count: int32of(c.Count), At: pointOf(c.Middle), Box: boxOf(c.Box)}
		}),
	}
}

// micro rounds degrees to a tenth of a metre.
func micro(degrees float64) float64 { return math.Round(degrees*1e6) / 1e6 }

func pointOf(p place.Point) MapPoint {
	return MapPoint{Latitude: micro(p.Latitude), Longitude: micro(p.Longitude)}
}

func boxOf(b listing.Box) MapBox {
	return MapBox{West: micro(b.West), South: micro(b.South), East: micro(b.East), North: micro(b.North)}
}

// overdue reports whether what is due was not decided by then: in the end, or as long as it pends by now.
func (s *server) overdue(due dues.Promise, decided *time.Time) bool {
	if decided == nil {
		return due.Overdue(s.web.Clock())
	}
	return due.Overdue(*decided)
}

func (s *server) applicationOf(a backoffice.Application) Application {
	out := Application{
		ID: a.ProviderID, Standing: Standing(a.Standing), StandingReason: a.StandingReason, Revision: int32of(a.ContentRevision),
		Review: Review(a.Review), Reasons: reasonsOf(a.Reasons), Profile: profileOf(a.Profile), Mismatches: a.Mismatches,
		LiveRevision: int32of(a.LiveRevision), FirstSubmittedAt: at(a.FirstSubmittedAt), SubmittedAt: at(a.SubmittedAt),
		DecidedAt: timeOf(a.DecidedAt), PinLimit: pinLimitOf(a.PinLimit),
		DueAt: at(a.DueAt), DueEstimated: a.DueEstimated, Overdue: s.overdue(a.Promise, a.DecidedAt),
		Rules: int32of(a.Verdict.Rules), Findings: s.findingsOf(a.Verdict),
	}
	if a.LiveProfile != nil {
		out.LiveProfile = profileOf(*a.LiveProfile)
	}
	if a.Revoked != nil {
		out.Revoked = revokedOf(&a.Revoked.Revocation)
		out.Revoked.At = at(a.Revoked.At)
	}
	return out
}

func (s *server) ownProductOf(p backoffice.Product) OwnProduct {
	out := OwnProduct{
		ID: p.ID, Revision: int32of(p.ContentRevision), Review: Review(p.Review), Reasons: reasonsOf(p.Reasons),
		Display: displayOf(p.Listed && !p.Withheld()), Withheld: p.Withheld(), Pinned: p.Pinned,
		Content: contentOf(p.Content), LiveRevision: int32of(p.LiveRevision),
		CreatedAt: at(p.CreatedAt), FirstSubmittedAt: at(p.FirstSubmittedAt),
		SubmittedAt: at(p.SubmittedAt), DecidedAt: timeOf(p.DecidedAt),
		DueAt: at(p.DueAt), DueEstimated: p.DueEstimated, Overdue: s.overdue(p.Promise, p.DecidedAt),
		TakenDownReason: takedownOf(p.TakenDown), TakenDownAt: timeOf(p.TakenDownAt),
		Rules: int32of(p.Verdict.Rules), Findings: s.findingsOf(p.Verdict),
	}
	if p.Revoked != nil {
		out.Revoked = revokedOf(&p.Revoked.Revocation)
		out.Revoked.At = at(p.Revoked.At)
	}
	if p.LiveContent != nil {
		out.LiveContent = contentOf(*p.LiveContent)
	}
	return out
}

func bookingOf(b bookings.Booking) Booking {
	return Booking{
		ID: b.ID, State: BookingProgress(b.State), ProductID: b.ProductID, ProductName: b.ProductName, ProductDeleted: b.ProductDeleted,
		ProductRevision: int32of(b.ProductRevision), ProviderID: b.ProviderID, ProviderName: b.ProviderName, EnterpriseID: b.EnterpriseID,
		EnterpriseName: b.EnterpriseName, Inquiry: inquiryOf(b.Inquiry), CloseReason: CloseReason(b.CloseReason),
		Replies: convert(b.Replies, func(r bookings.Reply) BookingReply {
			return BookingReply{Number: int32of(r.Number), Text: r.Text, At: at(r.At), System: r.System}
		}),
		RequestedAt: at(b.RequestedAt), RepliedAt: timeOf(b.RepliedAt), ReadAt: timeOf(b.ReadAt), ClosedAt: timeOf(b.ClosedAt),
	}
}

// reviewItemOf is an item as it is shown now. By how much it is overdue is left out: that changes each second, and with it an ETag.
func (s *server) reviewItemOf(r review.Submission) ReviewItem {
	now := s.web.Clock().UTC()
	out := ReviewItem{
		Kind: ReviewKind(r.Kind), ID: r.SubjectID, Revision: int32of(r.ContentRevision), State: ReviewItemState(r.State),
		Name: r.Name, ProviderID: r.ProviderID, ProviderName: r.ProviderName, ProviderType: r.ProviderType, Mismatches: r.Mismatches,
		Since: at(r.Since), SubmittedBy: r.SubmittedBy, FirstSubmittedAt: at(r.FirstSubmittedAt), SubmittedAt: at(r.SubmittedAt),
		DueAt: at(r.DueAt), DueEstimated: r.DueEstimated, DueCalendar: string(r.DueCalendar), Overdue: r.Overdue(now),
		Round: int32of(r.Round), LiveRevision: int32of(r.Live), TakenDown: r.TakenDown != nil,
		DecidedAt: timeOf(r.DecidedAt), Reasons: reasonsOf(r.Reasons), Note: r.Note,
		Rules: int32of(r.Verdict.Rules), Findings: s.findingsOf(r.Verdict),
	}
	if r.DecidedBy != nil {
		out.DecidedBy = *r.DecidedBy
	}
	if held := r.Holder(now); held != nil {
		out.Claim = HeldClaim{ID: held.ID, Reviewer: held.Reviewer, Until: at(held.Until)}
	}
	if first := r.FirstApproval; first != nil {
		out.FirstApproval = ReviewFirstApproval{Reviewer: first.By, At: at(first.At), Note: first.Note}
	}
	if revoked := r.Revocation; revoked != nil {
		out.Revocation = ApprovalRevocation{
			Reviewer: revoked.By, At: at(revoked.At), Reasons: list(reasonsOf(revoked.Reasons)), Note: revoked.Note,
		}
	}
	return out
}

func auditEventOf(e history.Entry) AuditEvent {
	return AuditEvent{
		Position: int64(e.Position), Revision: int64(e.Revision), //nolint:gosec // both fit a bigint
		ID: e.EventID, Stream: string(e.Stream), Kind: e.Kind, SubjectID: e.SubjectID,
		Type: e.Type, At: at(e.At), Actor: Actor{ID: e.ActorID, Role: string(e.Role)},
		ProviderID: e.ProviderID, ContentRevision: int32of(e.ContentRevision), Changes: jsonList(e.Changes), Blanked: e.Blanked,
		Reasons:       convert(e.Reasons, func(r domain.Reason) AuditReason { return AuditReason(r) }),
		CorrelationID: e.CorrelationID, RequestID: e.RequestID,
	}
}

// jsonList is raw, or an empty list.
func jsonList(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return json.RawMessage("[]")
	}
	return raw
}

// totalOf is a page's total and whether there are more; nil when nobody asked.
func totalOf(c *projections.Count) (*Total, *TotalIsLowerBound) {
	if c == nil {
		return nil, nil
	}
	return new(int32of(c.N)), &c.AtLeast
}

// int32of narrows a count of submissions or replies, which stays small.
func int32of[N ~int](n N) int32 { return int32(n) }

// list is never null in JSON.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func convert[A, B any](from []A, to func(A) B) []B {
	out := make([]B, len(from))
	for i, a := range from {
		out[i] = to(a)
	}
	return out
}
