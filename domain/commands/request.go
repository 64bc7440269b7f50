// Package commands carries out every command: it loads what is needed, has the aggregate decide, and appends what happened.
package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/media"
	"waybill/domain/place"
	"waybill/domain/webhook"
)

// Request is what accompanies every command.
type Request struct {
	// ID derives from the Idempotency-Key: the same id is the same request, carried out once.
	ID uuid.UUID
	// Fingerprint is a digest of the request; another one under the same ID is refused with domain.ErrKeyReused.
	Fingerprint   string
	Actor         domain.Actor
	CorrelationID uuid.UUID
	// RequestID is the id the caller's HTTP request is logged under.
	RequestID string
	At        time.Time
	// IfRevision is the stream revision the caller saw (If-Match); nil when it named none. Any other is refused
	// with domain.ErrPrecondition.
	IfRevision *domain.Revision
}

func (r Request) metadata() domain.Metadata {
	return domain.Metadata{
		Actor: r.Actor, At: r.At.UTC(), CausationID: r.ID, CorrelationID: r.CorrelationID, RequestID: r.RequestID,
		Fingerprint: r.Fingerprint, Schema: domain.MetadataSchema,
	}
}

// newID is the id of the aggregate that the request makes: the same request makes the same one.
func (r Request) newID(category string) uuid.UUID { return uuid.NewSHA1(r.ID, []byte(category)) }

// Outcome is what a command left behind.
type Outcome[S any] struct {
	// ID is the aggregate's.
	ID    uuid.UUID
	State S
	// Revision is the stream's revision that State was folded to, and Position that event's place in the log.
	Revision domain.Revision
	Position domain.Position
	// Replayed says that the request had been carried out before: the rest is what it left behind then.
	Replayed bool
}

// Sources are where the facts come from that commands are decided on, beside the log.
type Sources struct {
	// Images knows what was uploaded. Without it no image is known, and nothing that needs one can be submitted.
	Images media.Library
	// Policies are what is asked of images; a purpose without one takes no image.
	Policies media.Policies
	// Places knows destinations. Without it every city is one that was typed.
	Places place.Gazetteer
	// ClaimLease is for how long a claim of a case holds; 0 is claim.DefaultLease.
	ClaimLease time.Duration
	// SecondApprover says that an application takes two persons' approvals.
	SecondApprover bool
	// Webhooks are what is allowed of the addresses of webhooks, but for the types of events.
	Webhooks webhook.Rules
	// Now is the time at which Waybill's own commands are given: the same on all nodes. nil for this machine's.
	Now func() time.Time
}

// Service carries out commands on a store.
type Service struct {
	store     domain.EventStore
	sources   Sources
	accounts  kept[account.State]
	texts     kept[canned.State]
	webhooks  kept[webhook.State]
	calendars *kept[calendar.State] // shared with previews
	handed    handed
	lists     lists
}

// New is the service on store.
func New(store domain.EventStore, sources Sources) *Service {
	if sources.Now == nil {
		sources.Now = time.Now
	}
	return &Service{store: store, sources: sources, calendars: &kept[calendar.State]{}}
}

// Now is the time by which commands are given, in UTC.
func (s *Service) Now() time.Time { return s.sources.Now().UTC() }

// Policies are what is asked of images.
func (s *Service) Policies() media.Policies { return s.sources.Policies }

// uploaded is what is known of the images that an account refers to.
func (s *Service) uploaded(ctx context.Context, account uuid.UUID, references []media.Reference) (media.Facts, error) {
	if s.sources.Images == nil || len(references) == 0 {
		return nil, nil
	}
	facts, err := s.sources.Images.Uploaded(ctx, account, references)
	if err != nil {
		return nil, fmt.Errorf("uploaded images: %w", err)
	}
	return facts, nil
}
