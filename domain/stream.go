package domain

import (
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

// ID is the UUID after the first dash.
func (s StreamName) ID() (uuid.UUID, error) {
	_, id, ok := strings.Cut(string(s), "-")
	if !ok {
		return uuid.Nil, fmt.Errorf("stream %q has no id", string(s))
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, fmt.Errorf("stream %q: %w", string(s), err)
	}
	return parsed, nil
}
