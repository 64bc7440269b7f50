package api

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	nethttp "net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui/v5/static"

	"waybill/http"
)

// asset is one file of the documentation page, as the binary holds it.
type asset struct {
	media, tag string
	stored     []byte
	packed     bool // stored is gzip
	// plain is stored, unpacked at the first request of a caller who does not take gzip.
	plain func() ([]byte, error)
}

var mediaTypes = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".png": "image/png",
}

// loadAssets reads the files that the binary holds, by the name they are served under.
func loadAssets() (map[string]*asset, error) {
	files, err := fs.ReadDir(static.FS, ".")
	if err != nil {
		return nil, fmt.Errorf("documentation: %w", err)
	}
	assets := map[string]*asset{}
	for _, file := range files {
		stored, err := fs.ReadFile(static.FS, file.Name())
		if err != nil {
			return nil, fmt.Errorf("documentation: %w", err)
		}
		name, packed := strings.CutSuffix(file.Name(), ".gz")
		media, ok := mediaTypes[path.Ext(name)]
		if !ok {
			continue // no file of the page
		}
		assets[name] = &asset{
			media: media, tag: digest(stored), stored: stored, packed: packed,
			plain: sync.OnceValues(func() ([]byte, error) {
				if !packed {
					return stored, nil
				}
				unpacked, err := gzip.NewReader(bytes.NewReader(stored))
				if err != nil {
					return nil, err
				}
				return io.ReadAll(unpacked)
			}),
		}
	}
	return assets, nil
}

// docsAsset serves what the page needs; all of it is in the binary.
func (s *server) docsAsset(c echo.Context) error {
	name := c.Param("*")
	if name == "" {
		return s.Docs(c)
	}
	a, ok := s.service.assets[name]
	if !ok {
		return http.ErrNoRoute
	}
	in := http.CallOf(c)
	in.Route, in.Quiet = "/docs/*", true
	header := c.Response().Header()
	header.Set("Cache-Control", "public, max-age=3600")
	header.Add("Vary", "Accept-Encoding")
	if a.packed && takesGzip(c.Request().Header) {
		header.Set("Content-Encoding", "gzip")
		return tagged(c, `"`+a.tag+`-gzip"`, a.media, a.stored)
	}
	plain, err := a.plain()
	if err != nil {
		return fmt.Errorf("documentation: %s: %w", name, err)
	}
	return tagged(c, `"`+a.tag+`"`, a.media, plain)
}

// takesGzip says whether a request accepts content in gzip (RFC 9110, 12.5.3).
func takesGzip(header nethttp.Header) bool {
	named, others := "", ""
	for _, one := range strings.Split(strings.Join(header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, weighted := strings.Cut(one, ";")
		if _, weight, _ = strings.Cut(weight, "="); !weighted {
			weight = "1"
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			named = strings.TrimSpace(weight)
		case "*":
			others = strings.TrimSpace(weight)
		}
	}
	if named == "" {
		named = others
	}
	weight, err := strconv.ParseFloat(named, 64)
	return err == nil && weight > 0
}
