package media_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	filestore "waybill/adapters/media"
	"waybill/domain/media"
)

// TestCollection: one row for each way in which an upload comes to be old, and what becomes of it.
func TestCollection(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		r := newRoom(t, open(), media.Quota{})
		account := uuid.New()
		for n, c := range []struct {
			name  string
			after func(digest string) // what happens after a day and before the collection
			kept  bool
		}{
			{"never used", func(string) {}, false},
			{"uploaded again", func(string) { r.upload(t, account, media.Cover, picture(239, 160, 2)) }, true},
			{"used by a command", func(d string) { r.known(t, account, media.Cover, d) }, true},
			{"asked for by another account", func(d string) { r.known(t, uuid.New(), media.Cover, d) }, false},
			{"referred to", func(d string) { r.referenced[d] = true }, true},
			{"uploaded by another account", func(string) { r.upload(t, uuid.New(), media.Cover, picture(239, 160, 6)) }, true},
		} {
			t.Run(c.name, func(t *testing.T) {
				digest := r.upload(t, account, media.Cover, picture(239, 160, uint64(n+1))).Digest
				r.age(t, 25*time.Hour)
				c.after(digest)
				r.collect(t)
				if got := r.there(t, digest); got != c.kept {
					t.Errorf("there: %v", got)
				}
			})
		}
		// What is kept for a day is not kept for ever, but for what is referred to.
		r.age(t, 25*time.Hour)
		r.collect(t)
		left := 0
		_ = r.files.Walk(t.Context(), "", func(filestore.Entry) error { left++; return nil })
		if left != 1 {
			t.Errorf("%d files are left", left)
		}
	})
}

func TestNothingIsCollectedWhileReferencesAreNotKnown(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	digest := r.upload(t, uuid.New(), media.Cover, picture(239, 160, 1)).Digest
	r.age(t, 25*time.Hour)
	r.behind = true
	if _, err := r.collector(0).Collect(t.Context(), nil); !errors.Is(err, filestore.ErrBehind) || !r.there(t, digest) {
		t.Errorf("%v, there: %v", err, r.there(t, digest))
	}
	r.behind = false
	r.collect(t)
	if r.there(t, digest) {
		t.Error("still there")
	}
}

// TestStrays: what a stop in the middle has left goes after a day; originals that the ledger does not know go by the same rule as others.
func TestStrays(t *testing.T) {
	dir := t.TempDir()
	r := newRoom(t, openFiles(t, "file://"+dir), media.Quota{})
	stray := func(key string, content []byte, age time.Duration) string {
		t.Helper()
		path := filepath.Join(dir, key)
		at := time.Now().Add(-age)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	hexOf := func(content string) string { return digestOf([]byte(content))[len("sha256:"):] }
	original := func(content string) string { return "sha256/" + hexOf(content)[:2] + "/" + hexOf(content) }
	want := map[string]bool{
		stray(original("half")+".18ab.tmp", nil, 25*time.Hour):        false,
		stray(original("half")+".18ac.tmp", nil, 23*time.Hour):        true,
		stray(original("unknown"), []byte("unknown"), 25*time.Hour):   false,
		stray(original("young"), []byte("young"), 23*time.Hour):       true,
		stray(original("referred"), []byte("referred"), 25*time.Hour): true,
	}
	r.referenced[digestOf([]byte("referred"))] = true
	r.collect(t)
	for path, kept := range want {
		if _, err := os.Stat(path); (err == nil) != kept {
			t.Errorf("%s: there %v", path, err == nil)
		}
	}
	found, err := r.collector(0).Verify(t.Context(), func(visit func(string) error) error {
		return errors.Join(visit(digestOf([]byte("referred"))), visit(digestOf([]byte("nowhere"))))
	})
	if err != nil || len(found.Missing) != 1 || len(found.Damaged) != 0 || found.Images != 2 || len(found.Orphans) != 2 || found.Sound() {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		r := newRoom(t, open(), media.Quota{})
		if err := r.files.Put(t.Context(), digestOf([]byte("one")), []byte("another")); err != nil {
			t.Fatal(err)
		}
		found, err := r.collector(0).Verify(t.Context(), func(func(string) error) error { return nil })
		if err != nil || len(found.Damaged) != 1 || found.Damaged[0] != digestOf([]byte("one")) {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

// TestOnlyOneCollects: the second does nothing, and says so.
func TestOnlyOneCollects(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	_, err := r.uploads.Alone(t.Context(), func(ctx context.Context) error {
		done, err := r.collector(0).Collect(ctx, nil)
		if err != nil || !done.Elsewhere {
			t.Errorf("%+v, %v", done, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestACommandRacesTheCollection: of an upload that is old enough to go, a command either is told that it is known, and then it stays
// until its reference is there, or that it is not.
func TestACommandRacesTheCollection(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	var known, refused atomic.Int64
	for round := range 30 {
		account := uuid.New()
		var references []media.Reference
		for i := range 8 {
			receipt := r.upload(t, account, media.Cover, picture(239, 160, uint64(round*8+i)))
			references = append(references, media.Reference{Purpose: media.Cover, Digest: receipt.Digest})
		}
		r.age(t, 25*time.Hour)
		var work sync.WaitGroup
		for _, reference := range references {
			work.Go(func() {
				facts, err := r.Uploaded(t.Context(), account, []media.Reference{reference})
				if err != nil {
					t.Error(err)
				}
				if _, ok := facts[reference]; !ok {
					refused.Add(1)
					return
				}
				known.Add(1)
				if _, err := r.collector(0).Collect(t.Context(), nil); err != nil {
					t.Error(err)
				}
				r.mu.Lock()
				r.referenced[reference.Digest] = true
				r.mu.Unlock()
			})
		}
		work.Go(func() {
			if _, err := r.collector(0).Collect(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
		work.Wait()
		r.mu.Lock()
		for digest := range r.referenced {
			if !r.there(t, digest) {
				t.Errorf("%s is referred to, and not there", digest)
			}
		}
		r.mu.Unlock()
	}
	t.Logf("%d known, %d refused", known.Load(), refused.Load())
}

// TestCollectionRaces: with no grace at all, many upload the same few images, use them, and collect, all at once. Whatever the ledger
// says to be uploaded has its file, and when all is old enough nothing is left.
func TestCollectionRaces(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		r := newRoom(t, open(), media.Quota{})
		const images, rounds = 4, 25
		contents := make([][]byte, images)
		for i := range contents {
			contents[i] = picture(239, 160, uint64(i+1))
		}
		stop := make(chan struct{})
		var collectors, workers sync.WaitGroup
		var collections, removed atomic.Int64
		for range 3 {
			collectors.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					done, err := r.collector(time.Microsecond).Collect(context.Background(), nil)
					if err != nil {
						t.Error(err)
						return
					}
					collections.Add(1)
					removed.Add(int64(done.Images))
				}
			})
		}
		for w := range 24 {
			account := uuid.New()
			workers.Go(func() {
				for n := range rounds {
					content := contents[(w+n)%images]
					if _, err := r.Upload(context.Background(), account, media.Cover, uuid.Nil, bytes.NewReader(content)); err != nil {
						t.Error(err)
						return
					}
					// Whether it is still known is a race; that what is known has its file is not.
					reference := media.Reference{Purpose: media.Cover, Digest: digestOf(content)}
					if _, err := r.Uploaded(context.Background(), account, []media.Reference{reference}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		workers.Wait()
		close(stop)
		collectors.Wait()
		// At rest: whoever has an upload has its file, and the other way round, after one more collection.
		if _, err := r.collector(time.Hour).Collect(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		rows, err := r.uploads.List(t.Context(), uuid.Nil, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if !r.there(t, row.Image.Digest) {
				t.Errorf("%s is uploaded, and not there", row.Image.Digest)
			}
		}
		if _, err := r.collector(time.Nanosecond).Collect(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		left := 0
		_ = r.files.Walk(t.Context(), "", func(filestore.Entry) error { left++; return nil })
		if left != 0 {
			t.Errorf("%d files are left that nobody has", left)
		}
		t.Logf("%d collections removed %d images", collections.Load(), removed.Load())
	})
}

// TestACollectionGoesOnWhereTheLastEnded: each looks at so much, and what comes last is collected all the same.
func TestACollectionGoesOnWhereTheLastEnded(t *testing.T) {
	r := newRoom(t, openFiles(t, "file://"+t.TempDir()), media.Quota{})
	if _, err := r.pool.Exec(t.Context(), `
		INSERT INTO media.blobs SELECT 'sha256:' || lpad(i::text, 64, '0'), now() - interval '2 days' FROM generate_series(1, 1200) i;
		INSERT INTO media.uploads SELECT gen_random_uuid(), digest, 'cover', 'png', 1, 1, 1, now() - interval '2 days', now() - interval '2 days' FROM media.blobs`); err != nil {
		t.Fatal(err)
	}
	for i := range 1199 {
		r.referenced[fmt.Sprintf("sha256:%064d", i+1)] = true
	}
	c := r.collector(0)
	c.Rounds = filestore.RoundsOf(500)
	for run, want := range []filestore.Collected{{}, {}, {Uploads: 1, Images: 1}, {}} {
		done, err := c.Collect(t.Context(), nil)
		if err != nil || done != want {
			t.Errorf("run %d: %+v, %v, want %+v", run, done, err, want)
		}
	}
}
