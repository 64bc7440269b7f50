package review

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"waybill/domain"
)

// LastBefore is a subject's last submission before a content revision that was decided so (domain.ReviewApproved or ReviewRejected); nil
// when there is none.
func (q Queries) LastBefore(ctx context.Context, kind string, id uuid.UUID, revision domain.ContentRevision,
	decided domain.Review,
) (*SubmissionDetail, error) {
	item, err := q.item(ctx, `s.kind = $1 AND s.subject_id = $2 AND s.content_revision < $3 AND s.state = $4
		ORDER BY s.content_revision DESC LIMIT 1`, kind, id, revision, decided)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil
	}
	return &item, err
}
