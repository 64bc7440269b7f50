// Package media is what the domain knows of images: what each is for, what was measured when it was uploaded, and what each purpose asks
// of it. Bytes are the adapters' business.
package media

import (
	"context"

	"github.com/google/uuid"
)

// Purpose is what an image is for. An upload names it, and a reference is good for that purpose only.
type Purpose string

// The purposes (R15, R24).
const (
	Licence Purpose = "licence" // business licence
	Logo    Purpose = "logo"
	Cover   Purpose = "cover"
	Detail  Purpose = "detail"
)

// Purposes are all of them, in the order of the forms.
var Purposes = []Purpose{Licence, Logo, Cover, Detail}

// Format is a media type.
type Format string

// The formats that are taken (R15, Q3).
const (
	JPEG Format = "image/jpeg"
	PNG  Format = "image/png"
)

// Image is an image as it is stored: measured by decoding it, never by what its sender said. Width and Height are pixels as seen.
type Image struct {
	// Digest is "sha256:" and the 64 lower-case hex digits of the stored bytes; an object refers to the image by it.
	Digest string `json:"digest"`
	Format Format `json:"format"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Bytes  int64  `json:"bytes"`
}

// Reference names an image for a purpose.
type Reference struct {
	Purpose Purpose
	Digest  string
}

// Facts are what is known of the images that a command refers to: those that its account has uploaded for the purpose.
type Facts map[Reference]Image

// Library knows what was uploaded.
type Library interface {
	// Uploaded returns the references that the account has uploaded for their purposes, and keeps their images from being collected
	// for long enough to append an event that refers to them. What it does not return is unknown to that account.
	Uploaded(ctx context.Context, account uuid.UUID, references []Reference) (Facts, error)
}
