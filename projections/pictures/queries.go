package pictures

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain/media"
	"waybill/domain/provider"
	"waybill/projections"
)

// Sight is how much of an image's uses one viewer meets. What is deleted is met by nobody.
type Sight struct {
	// Public says that something shows it to everybody now.
	Public bool
	// Own says that an object of the viewer's account has it in some revision, and Used that anybody's has. UsedOpenly leaves out licences.
	Own, Used, UsedOpenly bool
	// GoneAt is when an object of the account's that had it was deleted last; zero when none was.
	GoneAt time.Time
}

// Queries reads the pictures.
type Queries struct{ DB projections.Querier }

// Sight is what an account, or with the nil id somebody without one, meets of an image.
func (q Queries) Sight(ctx context.Context, digest string, account uuid.UUID) (Sight, error) {
	var s Sight
	var gone *time.Time
	err := q.DB.QueryRow(ctx, `SELECT
		EXISTS (SELECT FROM `+tableUses+` u JOIN `+tableObjects+` v ON v.id = u.owner
			WHERE u.digest = $1 AND u.shown AND v.standing = $3
				AND NOT EXISTS (SELECT FROM `+tableWithheld+` w WHERE w.subject IN (u.object, u.owner))),
		EXISTS (SELECT FROM `+tableUses+` u WHERE u.owner = $2 AND u.digest = $1 AND u.gone_at IS NULL),
		EXISTS (SELECT FROM `+tableUses+` u WHERE u.digest = $1 AND u.gone_at IS NULL),
		EXISTS (SELECT FROM `+tableUses+` u WHERE u.digest = $1 AND u.gone_at IS NULL AND u.role <> $4),
		(SELECT max(u.gone_at) FROM `+tableUses+` u WHERE u.owner = $2 AND u.digest = $1)`,
		digest, account, provider.StandingActive, media.Licence).Scan(&s.Public, &s.Own, &s.Used, &s.UsedOpenly, &gone)
	if err != nil {
		return s, fmt.Errorf("sight of an image: %w", err)
	}
	if gone != nil {
		s.GoneAt = gone.UTC()
	}
	return s, nil
}

// Use is an object that refers to an image in a role, or did in an earlier revision.
type Use struct {
	Digest string
	Object uuid.UUID
	Role   media.Purpose
	Owner  uuid.UUID
	// Gone says that the object was deleted.
	Gone bool
}

// Referenced returns which of the digests something in the log refers to, the deleted included.
func (q Queries) Referenced(ctx context.Context, digests []string) (map[string]bool, error) {
	rows, _ := q.DB.Query(ctx, `SELECT DISTINCT digest FROM `+tableUses+` WHERE digest = ANY ($1)`, digests)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("references to images: %w", err)
	}
	referenced := make(map[string]bool, len(found))
	for _, d := range found {
		referenced[d] = true
	}
	return referenced, nil
}

// Uses returns up to limit uses after one, in a stable order.
func (q Queries) Uses(ctx context.Context, after Use, limit int) ([]Use, error) {
	rows, _ := q.DB.Query(ctx, `SELECT digest, object, role, owner, gone_at IS NOT NULL AS gone FROM `+tableUses+`
		WHERE (digest, object, role) > ($1, $2, $3) ORDER BY digest, object, role LIMIT $4`, after.Digest, after.Object, after.Role, limit)
	uses, err := pgx.CollectRows(rows, pgx.RowToStructByName[Use])
	if err != nil {
		return nil, fmt.Errorf("uses of images: %w", err)
	}
	return uses, nil
}
