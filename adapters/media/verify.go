package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"waybill/domain"
)

// Verified is what a check of the whole store has found.
type Verified struct {
	// Images are originals that were read, and Bytes what they have.
	Images int
	Bytes  int64
	// Damaged have other bytes than their digests say, and Missing are referred to without a file.
	Damaged, Missing []string
	// Orphans are keys of files that no image has, or that neither the ledger knows nor the log refers to: the next collection decides.
	Orphans []string
}

// Sound says that nothing is damaged or missing.
func (v Verified) Sound() bool { return len(v.Damaged)+len(v.Missing) == 0 }

// Verify reads every original and compares it with its digest; each calls visit with every digest that something in the log refers to.
func (c Collector) Verify(ctx context.Context, each func(visit func(digest string) error) error) (Verified, error) {
	var v Verified
	for _, part := range append([]string{""}, Parts()...) {
		if err := c.verifyPart(ctx, part, &v); err != nil {
			return v, err
		}
	}
	err := each(func(digest string) error {
		there, err := c.Files.Has(ctx, digest)
		if err == nil && !there {
			v.Missing = append(v.Missing, digest)
		}
		return err
	})
	return v, err
}

// verifyPart reads the originals of one part; the empty one are the files that are no image's.
func (c Collector) verifyPart(ctx context.Context, part string, v *Verified) error {
	keys := map[string][]string{} // by digest
	var digests []string
	err := c.Files.Walk(ctx, part, func(e Entry) error {
		if e.Digest == "" {
			if part == "" {
				v.Orphans = append(v.Orphans, e.Key)
			}
			return nil
		}
		if part == "" {
			return nil
		}
		if keys[e.Digest] == nil {
			digests = append(digests, e.Digest)
		}
		keys[e.Digest] = append(keys[e.Digest], e.Key)
		if e.Box != "" {
			return nil
		}
		sum, err := c.sumOf(ctx, e.Digest)
		if errors.Is(err, domain.ErrNotFound) {
			return nil // collected meanwhile
		}
		if err != nil {
			return err
		}
		v.Images++
		v.Bytes += e.Size
		if sum != e.Digest {
			v.Damaged = append(v.Damaged, e.Digest)
		}
		return nil
	})
	if err != nil || len(digests) == 0 {
		return err
	}
	known, err := c.Shelf.Known(ctx, digests)
	if err != nil {
		return err
	}
	referred, err := c.References(ctx, digests)
	if err != nil {
		return err
	}
	for _, d := range digests {
		if !known[d] && !referred[d] {
			v.Orphans = append(v.Orphans, keys[d]...)
		}
	}
	return nil
}

func (c Collector) sumOf(ctx context.Context, digest string) (string, error) {
	f, err := c.Files.Open(ctx, digest, "")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", errors.Join(fmt.Errorf("read %s: %w", digest, err), f.Close())
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), f.Close()
}
