package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/google/uuid"

	draw "waybill/adapters/media/drawing"
	"waybill/domain"
	"waybill/domain/media"
)

// samples are one image for each purpose, which every provider of the tests uploads.
var samples = sync.OnceValue(func() map[media.Purpose][]byte {
	all := map[media.Purpose][]byte{}
	for _, purpose := range media.Purposes {
		all[purpose] = draw.Draw(purpose, 1)
	}
	return all
})

func image(purpose media.Purpose) domain.ImageRef {
	return domain.ImageRef(fmt.Sprintf("sha256:%x", sha256.Sum256(samples()[purpose])))
}

// upload uploads the samples for an account.
func (i *images) upload(ctx context.Context, account uuid.UUID) error {
	for purpose, content := range samples() {
		if _, err := i.library.Upload(ctx, account, purpose, uuid.New(), bytes.NewReader(content)); err != nil {
			return err
		}
	}
	return nil
}
