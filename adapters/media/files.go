// Package media keeps images: their bytes once for each digest, in a folder or an S3 bucket, and with them what a ledger knows of who
// uploaded them.
package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"

	"waybill/domain"
	"waybill/domain/media"
)

// Files are the bytes of images, by digest. What is kept under a digest never changes, so writing it again is harmless.
type Files struct {
	bucket *blob.Bucket
	// dir is the folder they are in; empty for a bucket elsewhere.
	dir string
	// place is where they are, for people.
	place string
}

const (
	// originals and boxed are where keys begin: "sha256/ab/ab12…", "box/239x160/ab/ab12…".
	originals = "sha256/"
	boxed     = "box/"
	// identityKey is the file that tells one store from another.
	identityKey = "waybill-media-identity"
	// clockKey is a file whose time is the store's own.
	clockKey = "waybill-media-clock"
	octets   = "application/octet-stream"
)

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// CheckURL says what is wrong with the address of a store: it is file:///folder or s3://bucket?region=…, and nothing else. It does not
// repeat the address.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || (u.Scheme != "file" && u.Scheme != "s3") || u.User != nil || strings.Contains(address, "#"):
		return errors.New(
			`a folder or a bucket without "#", such as file:///srv/waybill/media or s3://bucket?region=cn-north-1 ` +
				`(keys from the environment)`)
	case u.Scheme == "file" && (u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.Trim(u.Path, "/") == "" || u.RawQuery != ""):
		return errors.New("an absolute folder without parameters, such as file:///srv/waybill/media")
	case u.Scheme == "s3" && (u.Host == "" || strings.Trim(u.Path, "/") != ""):
		return errors.New("the name of a bucket, such as s3://bucket?region=cn-north-1&prefix=waybill/")
	}
	return nil
}

// OpenFiles opens the store at an address that CheckURL takes. A folder is made when it is not there. Nobody else may read what is put
// into it: access is decided by the server.
func OpenFiles(ctx context.Context, address string) (*Files, error) {
	if err := CheckURL(address); err != nil {
		return nil, fmt.Errorf("WAYBILL_MEDIA: want %w", err)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "file" {
		dir := filepath.FromSlash(u.Path)
		bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{
			CreateDir: true, DirFileMode: 0o700,
			NoTempDir: true, // a rename across file systems is not atomic
			Metadata:  fileblob.MetadataDontWrite,
		})
		if err != nil {
			return nil, fmt.Errorf("WAYBILL_MEDIA: %w", err)
		}
		return &Files{bucket: bucket, dir: dir, place: "the folder " + dir}, nil
	}
	query := u.Query()
	for _, checksum := range []string{"request_checksum_calculation", "response_checksum_validation"} {
		if !query.Has(checksum) {
			query.Set(checksum, "when_required") // not every server that speaks S3 has them right for parts; digests tell damage
		}
	}
	u.RawQuery = query.Encode()
	bucket, err := openBucket(ctx, u)
	if err != nil {
		return nil, errors.New("WAYBILL_MEDIA: the S3 bucket cannot be opened; see its parameters in the documentation")
	}
	return &Files{bucket: bucket, place: "the bucket " + u.Host}, nil
}

// Place says where the files are, without any secret.
func (f *Files) Place() string { return f.place }

// Close gives up what the store holds open.
func (f *Files) Close() error { return f.bucket.Close() }

// hexOf is the digest without its algorithm; an error when it is no digest.
func hexOf(digest string) (string, error) {
	if !digestPattern.MatchString(digest) {
		return "", fmt.Errorf("%q is no digest", digest)
	}
	return strings.TrimPrefix(digest, "sha256:"), nil
}

// keyOf is where an original is, or with a box, the picture that fits it.
func keyOf(digest, box string) (string, error) {
	hex, err := hexOf(digest)
	if err != nil {
		return "", err
	}
	if box != "" {
		return boxed + box + "/" + hex[:2] + "/" + hex, nil
	}
	return originals + hex[:2] + "/" + hex, nil
}

// put writes all of content under a key: whole or not at all, and in a folder it is on the disk when put returns, with its name.
func (f *Files) put(ctx context.Context, key string, content []byte) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before Close it undoes the write
	var file *os.File
	w, err := f.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		ContentType: octets, DisableContentTypeDetection: true,
		BeforeWrite: func(as func(any) bool) error {
			if f.dir != "" && !as(&file) {
				return errors.New("the store does not write to a file")
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	_, err = w.Write(content)
	if err == nil && file != nil {
		err = errors.Join(file.Chmod(0o600), file.Sync())
	}
	if err != nil {
		cancel()
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	return f.settle(key)
}

// settle brings the names on the way to a key to the disk.
func (f *Files) settle(key string) error {
	if f.dir == "" {
		return nil
	}
	for dir := filepath.Dir(filepath.Join(f.dir, filepath.FromSlash(key))); ; dir = filepath.Dir(dir) {
		if err := syncDir(dir); err != nil {
			return err
		}
		if dir == filepath.Clean(f.dir) {
			return syncDir(filepath.Dir(dir))
		}
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Put keeps an original. Nobody else may put or remove the same one meanwhile.
func (f *Files) Put(ctx context.Context, digest string, content []byte) error {
	key, err := keyOf(digest, "")
	if err != nil {
		return err
	}
	if f.dir == "" {
		// A bucket has an object whole or not at all. A folder may have lost power while it was written.
		is, err := f.bucket.Attributes(ctx, key)
		if err == nil && is.Size == int64(len(content)) {
			return nil
		}
		if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return fmt.Errorf("store %s: %w", key, err)
		}
	}
	return f.put(ctx, key, content)
}

// File is one file that is open. It can be read from anywhere in it.
type File struct {
	io.ReadSeekCloser
	Size int64
}

// Open opens an original, or with a box the picture that fits it; domain.ErrNotFound when it is not there.
func (f *Files) Open(ctx context.Context, digest, box string) (File, error) {
	key, err := keyOf(digest, box)
	if err != nil {
		return File{}, domain.ErrNotFound
	}
	r, err := f.bucket.NewReader(ctx, key, nil)
	if err != nil {
		return File{}, found(err)
	}
	return File{ReadSeekCloser: r, Size: r.Size()}, nil
}

// Has tells which of the digests have their original.
func (f *Files) Has(ctx context.Context, digest string) (bool, error) {
	key, err := keyOf(digest, "")
	if err != nil {
		return false, nil //nolint:nilerr // what is no digest has no file
	}
	return f.bucket.Exists(ctx, key)
}

// Remove removes an original and its boxes. What is not there is as it should be.
func (f *Files) Remove(ctx context.Context, digest string) error {
	for _, box := range append([]string{""}, Boxes...) {
		key, err := keyOf(digest, box)
		if err != nil {
			return err
		}
		if err := f.remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (f *Files) remove(ctx context.Context, key string) error {
	if err := f.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("remove %s: %w", key, err)
	}
	return nil
}

// found makes domain.ErrNotFound of a key that is not there, and domain.ErrUnavailable of a store that does not answer.
func found(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return domain.ErrNotFound
	}
	return media.ErrUnavailable.Because(err)
}

// Entry is a file of the store. Digest is empty when its name is none that an image has; Box is empty for an original.
type Entry struct {
	Key, Digest, Box string
	Size             int64
	At               time.Time
}

var keyPattern = regexp.MustCompile(`^(?:sha256|box/([0-9]+x[0-9]+))/([0-9a-f]{2})/([0-9a-f]{64})$`)

// Parts are the two hex digits by which the store is divided for a walk.
func Parts() []string {
	all := make([]string, 256)
	for i := range all {
		all[i] = fmt.Sprintf("%02x", i)
	}
	return all
}

// Now is the time of the clock that an Entry's At is of: what a file that is written now gets.
func (f *Files) Now(ctx context.Context) (time.Time, error) {
	if err := f.put(ctx, clockKey, []byte("The time of this file is what the store takes for now.\n")); err != nil {
		return time.Time{}, err
	}
	is, err := f.bucket.Attributes(ctx, clockKey)
	if err != nil {
		return time.Time{}, fmt.Errorf("the clock of %s: %w", f.place, err)
	}
	return is.ModTime, nil
}

// Walk calls visit for each file of one part, thumbnails too; with an empty part, for every file of the store that may be an image's.
func (f *Files) Walk(ctx context.Context, part string, visit func(Entry) error) error {
	prefixes := []string{""}
	if part != "" {
		prefixes = []string{originals + part + "/"}
		for _, box := range Boxes {
			prefixes = append(prefixes, boxed+box+"/"+part+"/")
		}
	}
	for _, prefix := range prefixes {
		list := f.bucket.List(&blob.ListOptions{Prefix: prefix})
		for {
			o, err := list.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("list %s: %w", f.place, err)
			}
			if o.Key == identityKey || o.Key == clockKey || o.IsDir {
				continue
			}
			e := Entry{Key: o.Key, Size: o.Size, At: o.ModTime}
			if m := keyPattern.FindStringSubmatch(o.Key); m != nil && strings.HasPrefix(m[3], m[2]) {
				e.Digest, e.Box = "sha256:"+m[3], m[1]
			}
			if err := visit(e); err != nil {
				return err
			}
		}
	}
	return nil
}
