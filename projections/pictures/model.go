// Package pictures is a read model: which object shows an image, in which role, and whether the public sees it there.
package pictures

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/media"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/projections"
)

const (
	schema = "pictures_v2"

	// The tables as queries reach them.
	tableUses     = schema + ".uses"
	tableObjects  = schema + ".objects"
	tableWithheld = schema + ".withheld"
)

// Model is every image that an object refers to or once did (R15, R24, R29–R31, R45).
var Model = projections.ReadModel{
	Name:   "pictures",
	Schema: schema,
	Applies: projections.TypesOf(
		provider.Applied{}, provider.Revised{}, provider.Approved{}, provider.Suspended{}, provider.Reinstated{}, provider.Closed{},
		provider.ApprovalRevoked{},
		product.Submitted{}, product.Revised{}, product.Approved{}, product.Listed{}, product.Unlisted{}, product.TakenDown{},
		product.ApprovalRevoked{}, product.Deleted{},
	),
	PassesOver: projections.TypesOf(
		provider.Rejected{}, provider.PinLimitSet{},
		product.Rejected{}, product.Pinned{}, product.Unpinned{}, product.PlaceMatched{},
		booking.Requested{}, booking.Replied{}, booking.Read{}, booking.Closed{},
		account.Opened{}, account.Certified{}, account.RoleGranted{}, account.RoleRevoked{}, account.Closed{},
		account.TokenIssued{}, account.TokenRevoked{},
		uscc.Reserved{}, uscc.Confirmed{}, pins.Taken{},
		provider.FirstApproved{},
		claim.Claimed{}, claim.Renewed{}, claim.Released{}, claim.Expired{}, claim.TakenOver{}, claim.DecisionBegun{},
		calendar.Corrected{}, canned.Set{}, digest.Made{},
		operation.DeadLetterSkipped{}, operation.DeadLettersRetried{},
		audit.Opened{}, audit.Exported{},
		webhook.Registered{}, webhook.Changed{}, webhook.SecretRotated{}, webhook.Paused{}, webhook.Resumed{}, webhook.Removed{},
	),
	DDL: `
-- Providers and products from their submission on; the deleted stay, since the log still refers to their images.
CREATE TABLE objects (
	id       uuid PRIMARY KEY,
	owner    uuid NOT NULL, -- the provider, which is its account
	latest   integer NOT NULL, -- content revision
	live     integer NOT NULL, -- 0 when none is
	standing text NOT NULL, -- of a provider
	listed   boolean NOT NULL, -- of a product
	gone_at  timestamptz -- when it was deleted
);

-- One row for each image of each object in a role, whichever of its revisions named it.
CREATE TABLE uses (
	digest  text COLLATE "C" NOT NULL,
	object  uuid NOT NULL,
	role    text COLLATE "C" NOT NULL,
	owner   uuid NOT NULL,
	-- The content revisions that name it, in order.
	revisions integer[] NOT NULL,
	-- Whether the live revision does, and the object itself may be public: then its owner's standing decides.
	shown   boolean NOT NULL,
	gone_at timestamptz,
	PRIMARY KEY (object, digest, role) -- by which a batch loads them, in a rebuild too
);

-- Providers and products whose streams are parked: until they go on, nothing of them is public.
CREATE TABLE withheld (subject uuid PRIMARY KEY);`,
	Indexes: `
CREATE INDEX uses_digest ON uses (digest);
CREATE INDEX uses_owner ON uses (owner, digest);
CREATE INDEX uses_shown ON uses (digest, owner) WHERE shown;`,
	Apply:     apply,
	SetParked: setParked,
}

type objectRow struct {
	ID, Owner    uuid.UUID
	Latest, Live domain.ContentRevision
	Standing     provider.Standing
	Listed       bool
	GoneAt       *time.Time

	uses map[use]*useRow
}

// use is an image in a role.
type use struct {
	digest domain.ImageRef
	role   media.Purpose
}

type useRow struct {
	Object    uuid.UUID
	Digest    domain.ImageRef
	Role      media.Purpose
	Revisions []int32
	Shown     bool
	changed   bool
}

func apply(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
	objects := map[uuid.UUID]*objectRow{}
	ids := projections.SubjectsOf(events)
	subjects := slices.Concat(ids[provider.Category], ids[product.Category])
	var batch pgx.Batch
	batch.Queue(projections.ByIndex)
	batch.Queue(`SELECT id, owner, latest, live, standing, listed, gone_at FROM objects WHERE id = ANY ($1)`, subjects).
		Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[objectRow])
			for _, o := range stored {
				o.uses = map[use]*useRow{}
				objects[o.ID] = o
			}
			return err
		})
	batch.Queue(`SELECT object, digest, role, revisions, shown FROM uses WHERE object = ANY ($1)`, subjects).
		Query(func(rows pgx.Rows) error {
			stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[useRow])
			for _, u := range stored {
				objects[u.Object].uses[use{u.Digest, u.Role}] = u
			}
			return err
		})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	for _, e := range events {
		if err := fold(e, objects); err != nil {
			return e.Wrong(err)
		}
	}
	return write(ctx, tx, objects)
}

func fold(e projections.Event, objects map[uuid.UUID]*objectRow) error {
	id, err := e.Stream.ID()
	if err != nil {
		return err
	}
	switch fact := e.Fact.(type) {
	case provider.Applied:
		objects[id] = &objectRow{ID: id, Owner: id, uses: map[use]*useRow{}}
	case product.Submitted:
		objects[id] = &objectRow{ID: id, Owner: fact.ProviderID, uses: map[use]*useRow{}}
	}
	o, ok := objects[id]
	if !ok || o.GoneAt != nil {
		return fmt.Errorf("%s of something that is not there", e.Type)
	}
	return o.fold(e)
}

func (o *objectRow) fold(e projections.Event) error {
	o.Standing = o.Standing.After(e.Fact)
	switch fact := e.Fact.(type) {
	case provider.Applied:
		o.submitProfile(fact.Revision, fact.Profile)
	case provider.Revised:
		o.submitProfile(fact.Revision, fact.Profile)
	case product.Submitted:
		o.submitContent(fact.Revision, fact.Content)
	case product.Revised:
		o.submitContent(fact.Revision, fact.Content)
	case provider.Approved:
		o.Live = fact.Revision
	case product.Approved:
		o.Live = fact.Revision
	case provider.ApprovalRevoked:
		o.Live = 0
	case product.ApprovalRevoked:
		o.Live, o.Listed = 0, false
	case product.Listed:
		o.Listed = true
	case product.Unlisted, product.TakenDown:
		o.Listed = false
	case product.Deleted:
		at := projections.EventTime(e)
		o.Listed, o.GoneAt = false, &at
	case provider.Suspended, provider.Reinstated, provider.Closed:
	default:
		return fmt.Errorf("no meaning for %s here", e.Type)
	}
	return nil
}

func (o *objectRow) submitProfile(revision domain.ContentRevision, p provider.Profile) {
	o.Latest = revision
	o.refer(revision, media.Licence, p.Licence)
	o.refer(revision, media.Logo, p.Logo)
}

func (o *objectRow) submitContent(revision domain.ContentRevision, c product.Content) {
	o.Latest = revision
	o.refer(revision, media.Cover, c.Cover)
	for _, d := range c.Details {
		o.refer(revision, media.Detail, d)
	}
}

func (o *objectRow) refer(revision domain.ContentRevision, role media.Purpose, digest domain.ImageRef) {
	if digest == "" {
		return
	}
	u, ok := o.uses[use{digest, role}]
	if !ok {
		u = &useRow{Object: o.ID, Digest: digest, Role: role}
		o.uses[use{digest, role}] = u
	}
	if n := int32(revision); !slices.Contains(u.Revisions, n) { //nolint:gosec // a count of submissions, which stays small
		u.Revisions, u.changed = append(u.Revisions, n), true
	}
}

// shows says whether the public sees an image of the object, as long as its owner is active: a licence never, a logo of the approved
// profile, and what the approved revision of a listed product has.
func (o *objectRow) shows(u *useRow) bool {
	if o.Live == 0 || u.Role == media.Licence || !slices.Contains(u.Revisions, int32(o.Live)) { //nolint:gosec // as above
		return false
	}
	return u.Role == media.Logo || o.Listed
}

func write(ctx context.Context, tx pgx.Tx, objects map[uuid.UUID]*objectRow) error {
	var batch pgx.Batch
	for _, o := range objects {
		batch.Queue(`INSERT INTO objects (id, owner, latest, live, standing, listed, gone_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (id) DO UPDATE SET latest = $3, live = $4, standing = $5, listed = $6, gone_at = $7`,
			o.ID, o.Owner, o.Latest, o.Live, o.Standing, o.Listed, o.GoneAt)
		for _, u := range o.uses {
			shown := o.shows(u)
			if shown == u.Shown && !u.changed && o.GoneAt == nil {
				continue
			}
			batch.Queue(`INSERT INTO uses (digest, object, role, owner, revisions, shown, gone_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
				ON CONFLICT (object, digest, role) DO UPDATE SET revisions = $5, shown = $6, gone_at = $7`,
				u.Digest, o.ID, u.Role, o.Owner, u.Revisions, shown, o.GoneAt)
		}
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// setParked withholds images while the stream of what shows them, or its provider's, is parked (R45).
func setParked(ctx context.Context, tx pgx.Tx, streams []domain.StreamName, parked bool) error {
	subjects := projections.KeysOf(streams, product.Category, provider.Category)
	statement := `INSERT INTO withheld SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING`
	if !parked {
		statement = `DELETE FROM withheld WHERE subject = ANY ($1)`
	}
	if _, err := tx.Exec(ctx, statement, subjects); err != nil {
		return fmt.Errorf("withhold: %w", err)
	}
	return nil
}
