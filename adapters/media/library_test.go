package media_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	filestore "waybill/adapters/media"
	"waybill/adapters/media/intake"
	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/media"
)

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// picture is a PNG of a size, one of its own for each seed.
func picture(width, height int, seed uint64) []byte {
	i := image.NewRGBA(image.Rect(0, 0, width, height))
	r := rand.New(rand.NewPCG(seed, 1))
	for x := range width {
		i.Set(x, int(seed)%height, color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(seed), 255})
	}
	var out bytes.Buffer
	_ = png.Encode(&out, i)
	return out.Bytes()
}

// room is a library with its database and files.
type room struct {
	*filestore.Library
	files      *filestore.Files
	uploads    *postgres.Uploads
	pool       *pgxpool.Pool
	mu         sync.Mutex
	referenced map[string]bool
	behind     bool
}

func newRoom(t testing.TB, files *filestore.Files, quota media.Quota) *room {
	t.Helper()
	pool := pgtest.Database(t, "media", postgres.Migrate)
	r := &room{files: files, uploads: postgres.NewUploads(pool), pool: pool, referenced: map[string]bool{}}
	r.Library = filestore.NewLibrary(files, r.uploads, intake.New(intake.Standard()), media.Standard(), quota)
	return r
}

func (r *room) collector(age time.Duration) filestore.Collector {
	return filestore.Collector{Files: r.files, Shelf: r.uploads, Age: age, References: func(_ context.Context, digests []string) (map[string]bool, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.behind {
			return nil, filestore.ErrBehind
		}
		found := map[string]bool{}
		for _, d := range digests {
			found[d] = r.referenced[d]
		}
		return found, nil
	}}
}

// age makes everything in the ledger older.
func (r *room) age(t testing.TB, by time.Duration) {
	t.Helper()
	for _, statement := range []string{
		`update media.uploads set uploaded_at = uploaded_at - $1::interval, used_at = used_at - $1::interval`,
		`update media.blobs set touched_at = touched_at - $1::interval`,
		`update media.requests set answered_at = answered_at - $1::interval`,
	} {
		if _, err := r.pool.Exec(context.Background(), statement, by); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *room) upload(t testing.TB, account uuid.UUID, purpose media.Purpose, content []byte) media.Receipt {
	t.Helper()
	receipt, err := r.Upload(context.Background(), account, purpose, uuid.Nil, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

// known says whether the account may refer to it for the purpose.
func (r *room) known(t testing.TB, account uuid.UUID, purpose media.Purpose, digest string) bool {
	t.Helper()
	reference := media.Reference{Purpose: purpose, Digest: digest}
	facts, err := r.Uploaded(context.Background(), account, []media.Reference{reference})
	if err != nil {
		t.Fatal(err)
	}
	_, ok := facts[reference]
	return ok
}

func (r *room) there(t testing.TB, digest string) bool {
	t.Helper()
	has, err := r.files.Has(context.Background(), digest)
	if err != nil {
		t.Fatal(err)
	}
	return has
}

func (r *room) collect(t testing.TB) filestore.Collected {
	t.Helper()
	done, err := r.collector(0).Collect(context.Background(), filestore.Parts())
	if err != nil || done.Elsewhere {
		t.Fatalf("%+v, %v", done, err)
	}
	return done
}

func TestAnUploadIsGoodForItsAccountAndPurpose(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		r := newRoom(t, open(), media.Quota{})
		account, other, content := uuid.New(), uuid.New(), picture(239, 160, 1)
		receipt := r.upload(t, account, media.Cover, content)
		want := media.Image{Digest: digestOf(content), Format: media.PNG, Width: 239, Height: 160, Bytes: int64(len(content))}
		if receipt.Image != want || receipt.Replayed {
			t.Errorf("got %+v, want %+v", receipt, want)
		}
		if !r.known(t, account, media.Cover, want.Digest) || r.known(t, account, media.Detail, want.Digest) ||
			r.known(t, other, media.Cover, want.Digest) || r.known(t, account, media.Cover, digestOf(nil)) {
			t.Error("known to the wrong account, or for the wrong purpose")
		}
		if _, err := r.UploadedAt(t.Context(), other, want.Digest); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("uploaded by the other: %v", err)
		}
		f, size, format, err := r.Open(t.Context(), want.Digest, "")
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(f)
		_ = f.Close()
		if !bytes.Equal(got, content) || size != want.Bytes || format != media.PNG {
			t.Errorf("%d of %d bytes, %s", len(got), size, format)
		}
		// A ledger from a backup may know what the store has not: then it is not there.
		if err := r.files.Remove(t.Context(), want.Digest); err != nil {
			t.Fatal(err)
		}
		if r.known(t, account, media.Cover, want.Digest) {
			t.Error("known without its file")
		}
		r.upload(t, account, media.Cover, content)
		if !r.known(t, account, media.Cover, want.Digest) {
			t.Error("not known after it was uploaded again")
		}
	})
}

func TestAThumbnailIsMadeOnceAndGoesWithItsImage(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		r := newRoom(t, open(), media.Quota{})
		digest := r.upload(t, uuid.New(), media.Licence, picture(1000, 500, 1)).Digest
		read := func() []byte {
			t.Helper()
			f, _, _, err := r.Open(t.Context(), digest, "239x160")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			raw, err := io.ReadAll(f)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
		first := read()
		if c, _, err := image.DecodeConfig(bytes.NewReader(first)); err != nil || c.Width != 239 || c.Height > 120 {
			t.Errorf("%+v, %v", c, err)
		}
		if !bytes.Equal(read(), first) {
			t.Error("another one the second time")
		}
		if _, _, _, err := r.Open(t.Context(), digest, "9999x9999"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("a box that there is not: %v", err)
		}
		r.age(t, 25*time.Hour)
		r.collect(t)
		files := 0
		_ = r.files.Walk(t.Context(), "", func(filestore.Entry) error { files++; return nil })
		if files != 0 {
			t.Errorf("%d files are left", files)
		}
	})
}

// keeping counts how often a picture is to be kept, and may not let it be.
type keeping struct {
	filestore.Ledger
	asked atomic.Int32
	err   error
	// library is asked whether a write has its place among the few, and unplaced counts those that have not.
	library  *filestore.Library
	unplaced atomic.Int32
}

func (k *keeping) Store(ctx context.Context, up media.Recorded, write func(context.Context) error) ([]byte, error) {
	if k.library.Idle() {
		k.unplaced.Add(1)
	}
	return k.Ledger.Store(ctx, up, write)
}

// TestFewWriteAtOnce: each write holds a connection to the database, and a slow store may not have those of everybody else.
func TestFewWriteAtOnce(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	ledger := &keeping{Ledger: r.uploads}
	ledger.library = filestore.NewLibrary(r.files, ledger, intake.New(intake.Standard()), media.Standard(), media.Quota{})
	if _, err := ledger.library.Upload(t.Context(), uuid.New(), media.Cover, uuid.Nil, bytes.NewReader(picture(239, 160, 1))); err != nil {
		t.Fatal(err)
	}
	if ledger.unplaced.Load() > 0 || !ledger.library.Idle() {
		t.Error("a write is not counted among those at once, or for ever")
	}
}

func (k *keeping) Hold(ctx context.Context, digest string, do func(context.Context) error) (bool, error) {
	if k.asked.Add(1); k.err != nil {
		return false, k.err
	}
	return k.Ledger.Hold(ctx, digest, do)
}

// TestAThumbnailThatCannotBeKept is shown all the same.
func TestAThumbnailThatCannotBeKept(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	digest := r.upload(t, uuid.New(), media.Licence, picture(1000, 500, 1)).Digest
	ledger := &keeping{Ledger: r.uploads, err: errors.New("no space left on device")}
	library := filestore.NewLibrary(r.files, ledger, intake.New(intake.Standard()), media.Standard(), media.Quota{})
	f, _, _, err := library.Open(t.Context(), digest, "120x80")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
}

// TestAThumbnailForManyAtOnce is made for few of them: those who ask while it is made wait for that one.
func TestAThumbnailForManyAtOnce(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	digest := r.upload(t, uuid.New(), media.Licence, picture(2000, 1500, 1)).Digest
	ledger := &keeping{Ledger: r.uploads}
	library := filestore.NewLibrary(r.files, ledger, intake.New(intake.Standard()), media.Standard(), media.Quota{})
	const many = 50
	var work sync.WaitGroup
	for range many {
		work.Go(func() {
			f, _, _, err := library.Open(t.Context(), digest, "239x160")
			if err != nil {
				t.Error(err)
				return
			}
			_ = f.Close()
		})
	}
	work.Wait()
	if n := ledger.asked.Load(); n > many/2 {
		t.Errorf("made %d times for %d", n, many)
	}
}

func TestOneRequestIsAnsweredOnce(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{Images: 1})
	account, request := uuid.New(), uuid.New()
	send := func(purpose media.Purpose, content []byte) (media.Receipt, error) {
		return r.Upload(t.Context(), account, purpose, request, bytes.NewReader(content))
	}
	first, err := send(media.Licence, picture(20, 20, 1))
	if err != nil || len(first.Findings) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := send(media.Licence, picture(20, 20, 1)) // beyond the quota, too: it is no further one
	if first.Replayed = true; err != nil || fmt.Sprint(again) != fmt.Sprint(first) {
		t.Errorf("%+v, %v; want %+v", again, err, first)
	}
	for what, err := range map[string]error{
		"other bytes":     func() error { _, err := send(media.Licence, picture(20, 20, 2)); return err }(),
		"another purpose": func() error { _, err := send(media.Detail, picture(1200, 20, 1)); return err }(),
		// What is not counted is not decoded either.
		"no picture": func() error { _, err := send(media.Licence, []byte("no picture")); return err }(),
	} {
		if !errors.Is(err, domain.ErrKeyReused) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestADiskThatIsAway: where uploads wait is part of the store, and its failure nobody's mistake.
func TestADiskThatIsAway(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	in := intake.New(intake.Config{Dir: filepath.Join(t.TempDir(), "away")})
	library := filestore.NewLibrary(r.files, r.uploads, in, media.Standard(), media.Quota{})
	_, err := library.Upload(t.Context(), uuid.New(), media.Cover, uuid.Nil, bytes.NewReader(picture(239, 160, 1)))
	if !errors.Is(err, media.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// TestARequestByManyAtOnce: one of them is the first, and all get its answer.
func TestARequestByManyAtOnce(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	account, request, content := uuid.New(), uuid.New(), picture(239, 160, 1)
	var firsts, all sync.Map
	var work sync.WaitGroup
	for i := range 20 {
		work.Go(func() {
			receipt, err := r.Upload(t.Context(), account, media.Cover, request, bytes.NewReader(content))
			if err != nil {
				t.Error(err)
			}
			if !receipt.Replayed {
				firsts.Store(i, true)
			}
			all.Store(receipt.Digest, true)
		})
	}
	work.Wait()
	count := func(m *sync.Map) (n int) { m.Range(func(any, any) bool { n++; return true }); return n }
	if count(&firsts) != 1 || count(&all) != 1 {
		t.Errorf("%d firsts, %d digests", count(&firsts), count(&all))
	}
}

func TestQuotas(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{Images: 3, Bytes: 1 << 20})
	account := uuid.New()
	r.upload(t, account, media.Cover, picture(239, 160, 1))
	r.upload(t, account, media.Cover, picture(239, 160, 1)) // the same again is one more
	if _, err := r.Upload(t.Context(), account, media.Cover, uuid.Nil, bytes.NewReader([]byte("no picture"))); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("no picture: %v", err) // and so is what is refused
	}
	_, err := r.Upload(t.Context(), account, media.Cover, uuid.Nil, bytes.NewReader(picture(239, 160, 2)))
	var refused *domain.Error
	if !errors.As(err, &refused) || !errors.Is(err, media.ErrQuota) || refused.After <= 0 || refused.After > 24*time.Hour {
		t.Errorf("the fourth: %v", err)
	}
	other := uuid.New()
	for range 2 {
		_, err = r.Upload(t.Context(), other, media.Licence, uuid.Nil, io.LimitReader(zeroes{}, 1<<21))
	}
	if !errors.Is(err, media.ErrQuota) {
		t.Errorf("beyond the bytes: %v", err)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestQuotaReachedEndsAtMidnightInBeijing(t *testing.T) {
	for now, want := range map[string]time.Duration{
		"2026-03-02T15:59:59Z": time.Second, "2026-03-02T16:00:00Z": 24 * time.Hour, "2026-12-31T10:00:00Z": 6 * time.Hour,
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := media.QuotaReached(at).After; got != want {
			t.Errorf("%s: %s, want %s", now, got, want)
		}
	}
}
