// Package decision is what a decision on a submission records beside its outcome: what was seen, and a note among colleagues.
package decision

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/rules"
	"waybill/domain/workdays"
)

// MaxNote bounds an internal note, in code points.
const MaxNote = 1000

// Record is what a decision's event says beside its outcome; zero in events from before it was recorded.
type Record struct {
	// Note is for reviewers, operators and auditors; whoever submitted never reads it.
	Note string `json:"note,omitempty"`
	Seen *Seen  `json:"seen,omitempty"`
}

// Seen is what the reviewer had before them, of the revision that the decision names.
type Seen struct {
	// Digest is that of the content (Digest).
	Digest string `json:"digest"`
	// Images are the references of the content, each once, in its order.
	Images []domain.ImageRef `json:"images,omitempty"`
	// Rules is the version of the rule book that judged it, 0 if none did, and Findings what it found.
	Rules    int             `json:"rules,omitempty"`
	Findings []rules.Finding `json:"findings,omitempty"`
	// Mismatches are the fields that differed from the certified enterprise.
	Mismatches []string `json:"mismatches,omitempty"`
	// Calendar is the version of the calendar by which the decision was promised; empty of submissions from before there was one.
	Calendar workdays.Version `json:"calendar,omitempty"`
	// Claim is the reviewer's claim on the case; the nil id without one.
	Claim uuid.UUID `json:"claim,omitzero"`
}

// Revocation is an approval that was taken back.
type Revocation struct {
	Revision domain.ContentRevision `json:"revision"`
	// Reasons are what whoever submitted reads.
	Reasons []domain.Reason `json:"reasons"`
}

// Digest names what was submitted by the SHA-256 of its JSON, in hex: of the bytes that events hold, and the desk shows.
func Digest(content any) (string, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("digest of what was submitted: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}
