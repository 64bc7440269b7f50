package media

import (
	"context"

	"github.com/google/uuid"
)

// Believing is a Library that takes every reference for an uploaded image that fits its purpose's policy exactly. It is for
// measurements and tests, whose images nobody looks at.
type Believing struct{ Policies Policies }

// Uploaded returns all references.
func (b Believing) Uploaded(_ context.Context, _ uuid.UUID, references []Reference) (Facts, error) {
	facts := make(Facts, len(references))
	for _, r := range references {
		facts[r] = b.Policies[r.Purpose].Fitting(r.Digest)
	}
	return facts, nil
}

// Fitting is an image that the policy has nothing to say about.
func (p Policy) Fitting(digest string) Image {
	i := Image{Digest: digest, Width: max(p.Width.Want, 1), Height: max(p.Height.Want, 1), Bytes: p.MaxBytes / 2}
	if len(p.Formats) > 0 {
		i.Format = p.Formats[0]
	}
	return i
}
