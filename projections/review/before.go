package review

import (
	"context"
	"errors"
	"time"

	"waybill/domain"
)

// LastBefore is a subject's last submission before another that was decided so (domain.ReviewApproved, which nobody took back, or
// ReviewRejected); nil when there is none.
func (q Queries) LastBefore(ctx context.Context, of Submission, decided domain.Review) (*SubmissionDetail, error) {
	return found(q.item(ctx, `s.kind = $1 AND s.subject_id = $2 AND s.content_revision < $3 AND s.state = $4 AND s.revocation IS NULL
		ORDER BY s.content_revision DESC LIMIT 1`, of.Kind, of.SubjectID, of.ContentRevision, decided))
}

// RevokedOf is the submission whose approval was taken back, of one whose wait for a decision began or went on with that: itself, or one
// before. Nil when no approval was.
func (q Queries) RevokedOf(ctx context.Context, of Submission) (*SubmissionDetail, error) {
	if of.Revocation == nil {
		return nil, nil
	}
	// Those after it in the same wait say so, too.
	return found(q.item(ctx, `s.kind = $1 AND s.subject_id = $2 AND s.content_revision <= $3 AND s.revocation ->> 'at' = $4
		ORDER BY s.content_revision LIMIT 1`, of.Kind, of.SubjectID, of.ContentRevision, of.Revocation.At.Format(time.RFC3339Nano)))
}

func found(item SubmissionDetail, err error) (*SubmissionDetail, error) {
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil
	}
	return &item, err
}
