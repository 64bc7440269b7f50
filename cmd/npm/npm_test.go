package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pack is an archive with one file.
func pack(t *testing.T, name, content string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	files := tar.NewWriter(zipped)
	if err := files.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := files.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestOnlyWhatWasPublishedIsRead(t *testing.T) {
	folder := t.TempDir()
	sound, text := pack(t, "package/data.json", "{}"), []byte("no archive")
	for name, raw := range map[string][]byte{"sound.tgz": sound, "text.tgz": text} {
		if err := os.WriteFile(filepath.Join(folder, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	digest := func(raw []byte) string { return fmt.Sprintf("%x", sha256.Sum256(raw)) }
	for _, c := range []struct {
		name, file string
		from       Package
		want       string // or a part of the error
	}{
		{"as it was published", "package/data.json", Package{"sound.tgz", digest(sound)}, "{}"},
		{"another archive", "package/data.json", Package{"sound.tgz", digest(text)}, "not the package that was published"},
		{"no such archive", "package/data.json", Package{"absent.tgz", digest(sound)}, "absent.tgz"},
		{"no such file", "package/LICENSE", Package{"sound.tgz", digest(sound)}, "package/LICENSE"},
		{"no archive", "package/data.json", Package{"text.tgz", digest(text)}, "text.tgz"},
	} {
		got, err := c.from.Read(folder, c.file)
		said := string(got)
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, c.want) || (err == nil) != (c.want == "{}") {
			t.Errorf("%s: %q, want %q", c.name, said, c.want)
		}
	}
}
