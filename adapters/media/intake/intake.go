// Package intake makes a measured, clean image of a stream of bytes that nobody vouches for, in bounded memory.
package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/semaphore"

	"waybill/domain"
	"waybill/domain/media"
)

// pointer is the field of an upload that every mistake is about.
const pointer = "/file"

// Config are the limits of an Intake. Its zero fields take the standard of the same name.
type Config struct {
	// MaxPixels is the most that an image may have, inclusive, as its header says: no more is decoded.
	MaxPixels int64
	// Memory is what all decodes under way may take together, in bytes, with what earlier ones left to the garbage collector.
	// An image whose decoding would take more by itself is refused like one of too many pixels.
	Memory int64
	// Decodes is how many images are decoded at once.
	Decodes int
	// Held is how many bytes of files may be in memory at once, between being read and Result.Close.
	Held int64
	// Slack is how much longer than the policy allows an upload may be while its metadata is still in it.
	Slack int64
	// Dir is where uploads wait for their turn, in files without a name; the system's folder for temporary files if empty.
	Dir string
}

// Standard is 40 megapixels, two decodes in 96 MiB, and 32 MiB of files.
func Standard() Config {
	return Config{MaxPixels: 40_000_000, Memory: 96 << 20, Decodes: 2, Held: 32 << 20, Slack: 256 << 10}
}

// Intake takes images in. It may be used by many at once: those for whom there is no room wait, in the order of their coming.
type Intake struct {
	config Config
	held   *semaphore.Weighted
	gate   *gate
}

// New makes an Intake within the limits.
func New(c Config) *Intake {
	s := Standard()
	standard(&c.MaxPixels, s.MaxPixels)
	standard(&c.Memory, s.Memory)
	standard(&c.Decodes, s.Decodes)
	standard(&c.Held, s.Held)
	standard(&c.Slack, s.Slack)
	return &Intake{config: c, held: semaphore.NewWeighted(c.Held), gate: newGate(c.Memory, c.Decodes)}
}

func standard[N int | int64](value *N, otherwise N) {
	if *value <= 0 {
		*value = otherwise
	}
}

// Result is an image that was taken. Close it when its bytes are stored, since others wait for the memory.
type Result struct {
	Image media.Image
	// Findings are the soft ones of the policy, which refuse nothing.
	Findings []media.Finding
	// Bytes are what Image.Digest is the digest of. Take makes the same of them again.
	Bytes []byte
	close func()
}

// Close gives the memory back. It may be called more than once.
func (r *Result) Close() {
	if r != nil && r.close != nil {
		r.close()
		r.close, r.Bytes = nil, nil
	}
}

// Take is Receive and Received.Take.
func (in *Intake) Take(ctx context.Context, r io.Reader, policy media.Policy) (*Result, error) {
	received, err := in.Receive(ctx, r, policy)
	if err != nil {
		return nil, err
	}
	defer received.Close()
	return received.Take(ctx)
}

// Received is an upload that was read to its end, and not looked at yet. It holds no memory, but disk until it is closed.
type Received struct {
	in     *Intake
	spool  *spool
	policy media.Policy
}

// Close gives the disk back.
func (u *Received) Close() { u.spool.close() }

// Receive reads an image to its end, or to where it is longer than the policy could ever allow. An error is one of r, of ctx, or
// an ErrDisk.
func (in *Intake) Receive(ctx context.Context, r io.Reader, policy media.Policy) (*Received, error) {
	s, err := in.spool(ctx, r, policy.MaxBytes+in.config.Slack)
	if err != nil {
		return nil, fmt.Errorf("take an image: %w", err)
	}
	return &Received{in: in, spool: s, policy: policy}, nil
}

// Take strips what is no picture from the image, turns it upright, decodes every pixel of what is left, and
// holds that to the policy (R15, R24, R46). Names and content types play no part. What is wrong with the file is a
// domain.ErrInvalid with everything that is known at pointer /file: image_empty, image_format, image_broken, image_unsupported,
// image_too_many_pixels, image_too_large, image_width, image_height. Any other error is one of ctx or an ErrDisk.
func (u *Received) Take(ctx context.Context) (*Result, error) {
	in, s := u.in, u.spool
	if s.size == 0 {
		return nil, refuse(errEmpty)
	}
	room := min(2*s.size, in.config.Held) // the file, and what is left of it
	if err := in.held.Acquire(ctx, room); err != nil {
		return nil, err
	}
	done := func() {
		in.gate.waste(room)
		in.held.Release(room)
	}
	result, err := in.take(ctx, s, u.policy)
	if err != nil {
		done()
		return nil, err
	}
	result.close = done
	return result, nil
}

func (in *Intake) take(ctx context.Context, s *spool, policy media.Policy) (*Result, error) {
	data, err := s.bytes()
	if err != nil {
		return nil, err
	}
	p, err := inspect(data)
	seen := media.Image{Format: p.format, Bytes: int64(len(p.clean))}
	seen.Width, seen.Height = p.turn.size(p.width, p.height)
	if s.over {
		seen.Bytes = s.size
		if errors.As(err, new(*mistake)) && !errors.Is(err, errBroken) {
			return nil, in.refusal(policy, seen, p, err)
		}
		return nil, in.refusal(policy, seen, p, nil) // the end was not read: who knows whether it was broken
	}
	if err := in.refusal(policy, seen, p, err); err != nil {
		return nil, err
	}
	if p.turn == upright {
		err = in.check(ctx, p)
	} else {
		p.clean, err = in.turn(ctx, p, policy.MaxBytes)
		seen.Bytes = int64(len(p.clean))
	}
	if errors.Is(err, errTooLong) {
		seen.Bytes = policy.MaxBytes + 1 // at least
		return nil, in.refusal(policy, seen, p, nil)
	}
	if errors.As(err, new(*mistake)) {
		return nil, refuse(err)
	} else if err != nil {
		return nil, err
	}
	if err := in.refusal(policy, seen, p, nil); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(p.clean)
	seen.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return &Result{Image: seen, Findings: policy.Check(seen), Bytes: p.clean}, nil
}

// refusal is all that is to be said against an image before its pixels are decoded; nil if nothing is. seen is it as people will
// see it, p its structure, in which err was found.
func (in *Intake) refusal(policy media.Policy, seen media.Image, p picture, err error) error {
	var fields domain.Fields
	var m *mistake
	if errors.As(err, &m) {
		if errors.Is(err, errFormat) {
			m = m.wanted(policy)
		}
		m.add(&fields)
	}
	if most := in.pixels(p); int64(p.width)*int64(p.height) > most {
		errTooManyPixels(most).add(&fields)
	}
	for _, f := range policy.Check(seen) {
		if f.Soft || (p.width == 0 && (f.Code == "image_width" || f.Code == "image_height")) || errors.Is(err, errFormat) {
			continue
		}
		fields.Add(pointer, f.Code, f.Text.ZH, f.Text.EN)
	}
	return because(fields.Err(), err)
}

// pixels is how many an image of its kind may have.
func (in *Intake) pixels(p picture) int64 {
	if p.memory <= in.config.Memory {
		return in.config.MaxPixels
	}
	perPixel := float64(p.memory) / (float64(p.width) * float64(p.height))
	return min(in.config.MaxPixels, int64(float64(in.config.Memory)/perPixel))
}

// check decodes the whole of an image that needs no turning.
func (in *Intake) check(ctx context.Context, p picture) error {
	leave, err := in.gate.enter(ctx, p.memory)
	if err != nil {
		return err
	}
	defer leave()
	_, err = p.decode(ctx)
	return err
}

// turn decodes an image and encodes it again upright, in at most so many bytes if that can be.
func (in *Intake) turn(ctx context.Context, p picture, most int64) ([]byte, error) {
	leave, err := in.gate.enter(ctx, min(p.memory+4*most, in.config.Memory)) // the encoded file, as it grows and is copied
	if err != nil {
		return nil, err
	}
	defer leave()
	again, err := p.upright(ctx, most)
	if err != nil {
		return nil, err
	}
	q, err := inspect(again)
	if err != nil {
		return nil, fmt.Errorf("what was encoded again: %w", err)
	}
	return q.clean, nil
}
