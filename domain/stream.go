package domain

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// StreamName names one aggregate's history: a category, a dash, and a UUID ("product-0192…").
// It holds no personal data.
type StreamName string

// Stream names the stream of the aggregate id in category.
func Stream(category string, id uuid.UUID) StreamName {
	return StreamName(category + "-" + id.String())
}

// Category is what stands before the first dash.
func (s StreamName) Category() string {
	category, _, _ := strings.Cut(string(s), "-")
	return category
}

// ErrNoID says that a stream's name ends in no UUID.
var ErrNoID = errors.New("no id")

// ID is the UUID after the first dash; ErrNoID when there is none.
func (s StreamName) ID() (uuid.UUID, error) {
	_, id, ok := strings.Cut(string(s), "-")
	if !ok {
		return uuid.Nil, fmt.Errorf("stream %q: %w", string(s), ErrNoID)
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, fmt.Errorf("stream %q: %w: %w", string(s), ErrNoID, err)
	}
	return parsed, nil
}
