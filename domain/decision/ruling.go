package decision

import (
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/media"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// Ruling is what a reviewer decides of a case, as the deciders get it: with what is known of the two parties and of the case's claims.
type Ruling struct {
	Reviewer, Submitter domain.Party
	// Revision is the content revision that was judged, and Digest, when given, that of its content.
	Revision domain.ContentRevision
	Digest   string
	// Claim is the reviewer's claim on the case, the nil id without one. Held is the refusal when the claims of the case do not let the
	// reviewer decide.
	Claim uuid.UUID
	Held  error
	// Reasons are what whoever submitted reads, and Note is among colleagues.
	Reasons []domain.Reason
	Note    string
}

// Case is what there is to see of one revision.
type Case struct {
	// Content is what was submitted, and Images are its references.
	Content any
	Images  []media.Reference
	rules.Verdict
	Mismatches []string
	Calendar   workdays.Version
}

// ErrContentDiffers says that what the reviewer had before them is not what the revision holds.
var ErrContentDiffers = domain.Refuse(domain.KindStale, "content_differs",
	"您看到的内容与该版本不符，请刷新后重新审核", "what you judged is not the content of this revision; read it again")

// Seen is what a reviewer has before them of the case, without a claim.
func (c Case) Seen() (Seen, error) {
	digest, err := Digest(c.Content)
	seen := Seen{
		Digest: digest, Rules: c.Rules, Findings: c.Findings, Mismatches: c.Mismatches, Calendar: c.Calendar,
	}
	for _, image := range c.Images {
		if ref := domain.ImageRef(image.Digest); !slices.Contains(seen.Images, ref) {
			seen.Images = append(seen.Images, ref)
		}
	}
	return seen, err
}

// Approve holds an approval to what there is to see, and returns what its event records. It refuses, in this order, a digest of anything
// else (ErrContentDiffers), what the claims of the case refuse, and a note that is too long.
func (r Ruling) Approve(seen Seen) (Record, error) {
	if err := r.compare(seen); err != nil {
		return Record{}, err
	}
	note, err := r.note()
	seen.Claim = r.Claim
	return Record{Note: note, Seen: &seen}, err
}

// Refuse is Approve for a rejection and for a revocation of content, whose reasons it cleans (rules.CleanReasons).
func (r Ruling) Refuse(seen Seen, content any) (Record, []domain.Reason, error) {
	if err := r.compare(seen); err != nil {
		return Record{}, nil, err
	}
	note, mistake := r.note()
	reasons, err := rules.CleanReasons(r.Reasons, content)
	seen.Claim = r.Claim
	return Record{Note: note, Seen: &seen}, reasons, both(err, mistake)
}

// compare looks at the digest, and at the claims of the case.
func (r Ruling) compare(seen Seen) error {
	if r.Digest == "" || r.Digest == seen.Digest {
		return r.Held
	}
	if len(r.Digest) != len(seen.Digest) || strings.Trim(r.Digest, "0123456789abcdef") != "" {
		var f domain.Fields
		f.Add("/digest", "bad_digest", "内容摘要须为64位小写十六进制数字", "must be 64 lower-case hexadecimal digits")
		return f.Err()
	}
	return ErrContentDiffers
}

func (r Ruling) note() (string, error) {
	var f domain.Fields
	f.Optional("/note", &r.Note, MaxNote, domain.Text{ZH: "内部备注", EN: "note"})
	return r.Note, f.Err()
}

// both are the mistakes of two checks of one input, as one refusal.
func both(a, b error) error {
	var first, second *domain.Error
	if !errors.As(a, &first) {
		return b
	}
	if errors.As(b, &second) {
		return append(slices.Clone(domain.Fields(first.Fields)), second.Fields...).Err()
	}
	return a
}
