package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ContentRevision counts the submissions of an application or a product, from 1; 0 is none. A decision names the one it is
// about. It is never a Revision, which also counts what changes no content.
type ContentRevision int

// Review is how a revision of an application or of a product stands with the reviewers. It is empty before the first
// submission.
type Review string

// The states of a review: 待审核, 已通过, 已拒绝 (R19, R25, R27, R28).
const (
	ReviewPending  Review = "pending"
	ReviewApproved Review = "approved"
	ReviewRejected Review = "rejected"
	// ReviewSuperseded is of a revision that a later one replaced before a decision; the latest never is.
	ReviewSuperseded Review = "superseded"
)

// Refusals of a decision.
var (
	ErrAlreadyDecided = Refuse(KindConflict, "already_decided", "该版本已审核，无需重复操作", "this revision has been decided already")
	ErrOwnCase        = Refuse(KindForbidden, "own_case", "审核人员不能审核自己的申请", "a reviewer may not decide on their own submission")
	ErrOwnEnterprise  = Refuse(KindForbidden, "own_enterprise", "审核人员不能审核本企业的申请",
		"a reviewer may not decide on a submission of their own enterprise")
	ErrNoApproval = Refuse(KindConflict, "no_approval",
		"没有已通过审核的版本，无需撤销", "no revision is approved, so there is no approval to revoke")
)

// WaitingSince is when the wait for a decision began, once another revision is submitted at a time: one that replaces a
// revision still pending goes on with its wait (Q11). since is when the wait before began, and the receiver the review then.
func (r Review) WaitingSince(since, submitted time.Time) time.Time {
	if r == ReviewPending {
		return since
	}
	return submitted
}

// Party is an account, with the unified social credit codes of the enterprises that it stands for.
type Party struct {
	ID    uuid.UUID
	Codes []string
}

// CheckImpartial refuses a reviewer who is the submitter (ErrOwnCase), or of the submitter's enterprise (ErrOwnEnterprise).
func CheckImpartial(reviewer, submitter Party) error {
	if reviewer.ID == submitter.ID {
		return ErrOwnCase
	}
	for _, code := range reviewer.Codes {
		if slices.Contains(submitter.Codes, code) {
			return ErrOwnEnterprise
		}
	}
	return nil
}

// CheckDecision refuses a decision on any revision but the latest (ErrStale, naming the latest; Q13), and on one that
// has been decided (ErrAlreadyDecided).
func CheckDecision(review Review, latest, named ContentRevision) error {
	if named != latest {
		e := *ErrStale
		e.Text = Text{
			ZH: fmt.Sprintf("该内容已更新为第%d版，您审核的是第%d版，请刷新后重试", latest, named),
			EN: fmt.Sprintf("the latest revision is %d, not %d; read it again", latest, named),
		}
		return &e
	}
	if review != ReviewPending {
		return ErrAlreadyDecided
	}
	return nil
}

// CheckRevocation refuses to revoke an approval when none stands (ErrNoApproval), and any but that of the live revision (ErrStale, naming
// the live one).
func CheckRevocation(live, named ContentRevision) error {
	if live == 0 {
		return ErrNoApproval
	}
	if named != live {
		e := *ErrStale
		e.Text = Text{
			ZH: fmt.Sprintf("已通过审核的是第%d版，您要撤销的是第%d版，请刷新后重试", live, named),
			EN: fmt.Sprintf("the approved revision is %d, not %d; read it again", live, named),
		}
		return &e
	}
	return nil
}
