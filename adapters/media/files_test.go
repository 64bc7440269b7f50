package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	filestore "waybill/adapters/media"
	"waybill/domain"
)

// everyStore runs a test on each kind of store: a folder, and an S3 server where one is given (make test-s3).
func everyStore(t *testing.T, test func(t *testing.T, open func() *filestore.Files)) {
	t.Run("folder", func(t *testing.T) {
		dir := "file://" + filepath.Join(t.TempDir(), "not", "there")
		test(t, func() *filestore.Files { return openFiles(t, dir) })
	})
	t.Run("s3", func(t *testing.T) {
		bucket := os.Getenv("WAYBILL_TEST_S3")
		if bucket == "" {
			t.Skip("WAYBILL_TEST_S3 names no server; make test-s3 starts one")
		}
		address := bucket + "&prefix=" + uuid.NewString() + "/"
		test(t, func() *filestore.Files { return openFiles(t, address) })
	})
}

func openFiles(t testing.TB, address string) *filestore.Files {
	t.Helper()
	files, err := filestore.OpenFiles(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	return files
}

func TestFilesKeepWhatIsPut(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		ctx, files := t.Context(), open()
		content := bytes.Repeat([]byte("海运拼箱"), 50_000)
		digest := digestOf(content)
		if has, err := files.Has(ctx, digest); has || err != nil {
			t.Fatalf("has %v, %v before it was put", has, err)
		}
		if _, err := files.Open(ctx, digest, ""); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("open before it was put: %v", err)
		}
		for range 2 { // again is as good as once
			if err := files.Put(ctx, digest, content); err != nil {
				t.Fatal(err)
			}
		}
		f, err := open().Open(ctx, digest, "") // as another node sees it
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Size != int64(len(content)) {
			t.Errorf("size %d", f.Size)
		}
		for _, at := range []int64{0, 17, f.Size - 5, f.Size} {
			if _, err := f.Seek(at, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, content[at:]) {
				t.Errorf("from %d: %d bytes, %v", at, len(got), err)
			}
		}
		for range 2 {
			if err := files.Remove(ctx, digest); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := files.Open(ctx, digest, ""); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("open after it was removed: %v", err)
		}
	})
}

// What is no digest has no file, and reaches none: no key is made of it.
func TestFilesTakeNothingButDigests(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		files := open()
		for _, name := range []string{"", "x", "../../etc/passwd", "sha256:../../x", strings.ToUpper(digestOf(nil)), digestOf(nil) + "0", "waybill-media-identity"} {
			if _, err := files.Open(t.Context(), name, ""); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("open %q: %v", name, err)
			}
			if has, err := files.Has(t.Context(), name); has || err != nil {
				t.Errorf("has %q: %v, %v", name, has, err)
			}
			if err := files.Put(t.Context(), name, []byte("x")); err == nil {
				t.Errorf("put %q", name)
			}
		}
	})
}

func TestFilesAreWalkedByPart(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		files := open()
		var want []string
		for i := range 40 {
			content := []byte{byte(i)}
			want = append(want, digestOf(content))
			if err := files.Put(t.Context(), digestOf(content), content); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(want)
		var parts, whole []string
		for _, part := range filestore.Parts() {
			if err := files.Walk(t.Context(), part, func(e filestore.Entry) error { parts = append(parts, e.Digest); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if err := files.Walk(t.Context(), "", func(e filestore.Entry) error { whole = append(whole, e.Digest); return nil }); err != nil {
			t.Fatal(err)
		}
		slices.Sort(whole)
		if !slices.Equal(parts, want) || !slices.Equal(whole, want) {
			t.Errorf("parts %v\nwhole %v\nwant %v", parts, whole, want)
		}
	})
}

// registry is a database's side of the identity, by hand.
type registry struct {
	id      uuid.UUID
	settled bool
}

func (r *registry) Settle(ctx context.Context, check func(context.Context, uuid.UUID, bool) error) error {
	if r.id == uuid.Nil {
		r.id = uuid.New()
	}
	err := check(ctx, r.id, r.settled)
	r.settled = r.settled || err == nil
	return err
}

func (r *registry) Replace(_ context.Context, id uuid.UUID) error {
	r.id, r.settled = id, true
	return nil
}

// TestANodeSeesTheSameStoreOrDoesNotStart: the first node puts files and database together; another folder is refused, with what to do.
func TestANodeSeesTheSameStoreOrDoesNotStart(t *testing.T) {
	everyStore(t, func(t *testing.T, open func() *filestore.Files) {
		ctx := t.Context()
		files, other := open(), openFiles(t, "file://"+t.TempDir())
		var db registry
		for range 2 { // a second node too
			if err := files.Claim(ctx, &db); err != nil {
				t.Fatal(err)
			}
		}
		refused := func(f *filestore.Files, db *registry, says string) {
			t.Helper()
			err := f.Claim(ctx, db)
			if !errors.Is(err, filestore.ErrOtherStore) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "media adopt") {
				t.Errorf("got %v", err)
			}
		}
		refused(other, &db, "is not where this database's images are")
		var fresh registry
		refused(files, &fresh, "the images of another database")
		if err := other.Claim(ctx, &fresh); err != nil { // refusing left nothing behind
			t.Fatal(err)
		}
		refused(other, &db, "this database's images are in store "+db.id.String())
		if err := other.Adopt(ctx, &db); err != nil {
			t.Fatal(err)
		}
		if err := other.Claim(ctx, &db); err != nil {
			t.Error(err)
		}
		refused(files, &db, "this database's images are in store")
	})
}

// A start that was stopped after the database knew of its store, and before the store did, is gone on with.
func TestAnInterruptedFirstStart(t *testing.T) {
	files := openFiles(t, "file://"+t.TempDir())
	db := registry{id: uuid.New()}
	if err := files.Claim(t.Context(), &db); err != nil || !db.settled {
		t.Fatalf("%v, settled %v", err, db.settled)
	}
	db.settled = false // and so is one that was stopped after both did
	if err := files.Claim(t.Context(), &db); err != nil {
		t.Fatal(err)
	}
}

func TestCheckURL(t *testing.T) {
	for address, good := range map[string]bool{
		"file:///srv/waybill/media": true, "s3://bucket?region=cn-north-1": true, "s3://bucket?region=x&prefix=waybill/": true,
		"": false, "/srv/media": false, "file://relative/x": false, "file:///srv?no_tmp_dir=": false, "file:///srv/#1": false, "file:///": false, "file:////": false, "mem://": false, "s3://": false,
		"s3://bucket/folder": false, "s3://key:secret@bucket": false, "gs://bucket": false, "://": false,
	} {
		if err := filestore.CheckURL(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}
