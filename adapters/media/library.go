package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"waybill/adapters/media/intake"
	"waybill/domain"
	"waybill/domain/media"
)

// Ledger knows who has uploaded what; adapters/postgres has it.
type Ledger interface {
	Replayed(ctx context.Context, request uuid.UUID, fingerprint string) ([]byte, error)
	Admit(ctx context.Context, account uuid.UUID, day string, quota media.Quota, request uuid.UUID) (bool, error)
	Charge(ctx context.Context, account uuid.UUID, day string, bytes int64) error
	Store(ctx context.Context, up media.Recorded, write func(context.Context) error) (earlier []byte, err error)
	Use(ctx context.Context, account uuid.UUID, references []media.Reference) (media.Facts, error)
	UploadedAt(ctx context.Context, account uuid.UUID, digest string) (time.Time, error)
	Hold(ctx context.Context, digest string, do func(context.Context) error) (held bool, err error)
}

// Library is all images: it takes uploads, opens them, and knows them to commands.
type Library struct {
	files    *Files
	ledger   Ledger
	intake   *intake.Intake
	policies media.Policies
	quota    media.Quota
	clock    func() time.Time
	// fits are the pictures being made to fit a box, by digest and box.
	fits singleflight.Group
	// writing bounds the files that are written at once.
	writing *semaphore.Weighted
}

// writesAtOnce is how many files are written at once. Each holds a connection of the ledger's meanwhile, and a store that answers slowly,
// or not at all, may not have those of everybody else.
const writesAtOnce = 4

var _ media.Library = (*Library)(nil)

// NewLibrary puts one together.
func NewLibrary(files *Files, ledger Ledger, in *intake.Intake, policies media.Policies, quota media.Quota) *Library {
	return &Library{
		files: files, ledger: ledger, intake: in, policies: policies, quota: quota, clock: time.Now,
		writing: semaphore.NewWeighted(writesAtOnce),
	}
}

// By has the library go by a clock that all nodes share, in place of this machine's.
func (l *Library) By(clock func() time.Time) *Library {
	l.clock = clock
	return l
}

// Boxes are those that pictures are made to fit: the box in which a licence is shown and the cover of a list (R15, R24), and its half.
var Boxes = []string{"239x160", "120x80"}

var boxes = map[string]media.Box{"239x160": {Width: 239, Height: 160}, "120x80": {Width: 120, Height: 80}}

// Upload takes a picture for a purpose. With a request's id it is answered once: the same bytes again get the same answer, other bytes
// domain.ErrKeyReused. Errors: what intake.Take refuses, media.ErrQuota, media.ErrUnavailable, and those of reading content, as they are.
//
// When it returns without error, file and ledger have the image for good.
func (l *Library) Upload(ctx context.Context, account uuid.UUID, purpose media.Purpose, request uuid.UUID, content io.Reader,
) (media.Receipt, error) {
	policy, ok := l.policies[purpose]
	if !ok {
		return media.Receipt{}, fmt.Errorf("no policy for the purpose %q", purpose)
	}
	day := l.clock().In(domain.Beijing).Format(time.DateOnly)
	if within, err := l.ledger.Admit(ctx, account, day, l.quota, request); err != nil || !within {
		return media.Receipt{}, errors.Join(err, quotaReached(within, l.clock()))
	}
	sent := sent{from: content, sum: sha256.New()}
	received, err := l.intake.Receive(ctx, &sent, policy)
	if err == nil {
		defer received.Close()
	}
	if charged := l.ledger.Charge(context.WithoutCancel(ctx), account, day, sent.bytes); err == nil {
		err = charged
	}
	if err != nil {
		return media.Receipt{}, disk(err)
	}
	fingerprint := string(purpose) + " " + hex.EncodeToString(sent.sum.Sum(nil))
	if request != uuid.Nil {
		// Before anything is decoded: what is answered already is not counted, and so must not cost what is counted.
		if answer, err := l.ledger.Replayed(ctx, request, fingerprint); err != nil || answer != nil {
			return replayed(answer, err)
		}
	}
	taken, err := received.Take(ctx)
	if err != nil {
		return media.Receipt{}, disk(err)
	}
	defer taken.Close()
	receipt := media.Receipt{Image: taken.Image, Findings: taken.Findings}
	answer, err := json.Marshal(receipt)
	if err != nil {
		return media.Receipt{}, err
	}
	if err := l.writing.Acquire(ctx, 1); err != nil {
		return media.Receipt{}, media.ErrUnavailable.Because(err)
	}
	defer l.writing.Release(1)
	earlier, err := l.ledger.Store(ctx, media.Recorded{
		Account: account, Purpose: purpose, Image: taken.Image, Request: request, Fingerprint: fingerprint, Answer: answer,
	}, func(ctx context.Context) error {
		return unavailable(ctx, l.files.Put(ctx, taken.Image.Digest, taken.Bytes))
	})
	if err != nil || earlier != nil {
		return replayed(earlier, err)
	}
	return receipt, nil
}

func quotaReached(within bool, now time.Time) error {
	if within {
		return nil
	}
	return media.QuotaReached(now)
}

// sent is what a caller sends, counted and summed up as it is read.
type sent struct {
	from  io.Reader
	sum   hash.Hash
	bytes int64
}

func (s *sent) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.bytes += int64(n)
	s.sum.Write(p[:n])
	return n, err
}

func replayed(answer []byte, err error) (media.Receipt, error) {
	if err != nil {
		return media.Receipt{}, err
	}
	receipt := media.Receipt{}
	if err := json.Unmarshal(answer, &receipt); err != nil {
		return receipt, fmt.Errorf("an earlier answer: %w", err)
	}
	receipt.Replayed = true
	return receipt, nil
}

// disk marks a failure of the disk that uploads wait on as one of the store.
func disk(err error) error {
	if errors.Is(err, intake.ErrDisk) {
		return media.ErrUnavailable.Because(err)
	}
	return err
}

// unavailable marks a failure of the store of files, not of the caller, as one that passes.
func unavailable(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return media.ErrUnavailable.Because(err)
}

// Uploaded implements media.Library. It holds that what it returns has its file, whatever a ledger from a backup says.
func (l *Library) Uploaded(ctx context.Context, account uuid.UUID, references []media.Reference) (media.Facts, error) {
	facts, err := l.ledger.Use(ctx, account, references)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for r := range facts {
		there, asked := has[r.Digest]
		if !asked {
			if there, err = l.files.Has(ctx, r.Digest); err != nil {
				return nil, unavailable(ctx, err)
			}
			has[r.Digest] = there
		}
		if !there {
			delete(facts, r)
		}
	}
	return facts, nil
}

// UploadedAt is when the account uploaded the digest last; domain.ErrNotFound when it has not.
func (l *Library) UploadedAt(ctx context.Context, account uuid.UUID, digest string) (time.Time, error) {
	return l.ledger.UploadedAt(ctx, account, digest)
}

// Open opens an image, or with a box the picture that fits it, which is made when it is first asked for. The format is that of the bytes.
// domain.ErrNotFound when there is no such image.
func (l *Library) Open(ctx context.Context, digest, box string) (io.ReadSeekCloser, int64, media.Format, error) {
	f, err := l.files.Open(ctx, digest, box)
	if errors.Is(err, domain.ErrNotFound) && box != "" {
		f, err = l.fitted(ctx, digest, box)
	}
	if err != nil {
		return nil, 0, "", err
	}
	var head [8]byte
	n, err := io.ReadFull(f, head[:])
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, 0, "", errors.Join(unavailable(ctx, err), f.Close())
	}
	return f, f.Size, formatOf(head[:n]), nil
}

// formatOf tells the two formats that are stored apart; empty for anything else.
func formatOf(head []byte) media.Format {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return media.JPEG
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return media.PNG
	}
	return ""
}

// fitted is the picture that fits a box, made once for all who ask at the same time: whoever waits for room to decode would otherwise wait
// for each of them.
func (l *Library) fitted(ctx context.Context, digest, box string) (File, error) {
	made, err, _ := l.fits.Do(box+" "+digest, func() (any, error) { return l.fit(ctx, digest, box) })
	if err != nil {
		return File{}, err
	}
	small, _ := made.([]byte)
	return File{ReadSeekCloser: readSeekNopCloser{bytes.NewReader(small)}, Size: int64(len(small))}, nil
}

// fit makes the picture that fits a box, and keeps it as long as the digest is known.
func (l *Library) fit(ctx context.Context, digest, box string) ([]byte, error) {
	size, ok := boxes[box]
	if !ok {
		return nil, domain.ErrNotFound
	}
	original, err := l.files.Open(ctx, digest, "")
	if err != nil {
		return nil, err
	}
	defer original.Close()
	whole, err := io.ReadAll(original)
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	small, _, err := l.intake.Fit(ctx, whole, size.Width, size.Height)
	if err != nil {
		return nil, fmt.Errorf("thumbnail of %s: %w", digest, err)
	}
	if len(small) == len(whole) {
		return whole, nil // it fits as it is, and one copy is enough
	}
	key, err := keyOf(digest, box)
	if err != nil {
		return nil, err
	}
	// It is kept to save work: a full disk, which refuses uploads, is no reason to show nothing, nor is a slow one to wait.
	if !l.writing.TryAcquire(1) {
		return small, nil
	}
	defer l.writing.Release(1)
	_, _ = l.ledger.Hold(ctx, digest, func(ctx context.Context) error { return l.files.put(ctx, key, small) })
	return small, nil
}

type readSeekNopCloser struct{ io.ReadSeeker }

func (readSeekNopCloser) Close() error { return nil }
