package config

import (
	"math"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	filestore "waybill/adapters/media"
	"waybill/domain/media"
)

// Media is where images are, and what they may be.
type Media struct {
	// MediaURL is file:///folder or s3://bucket?…; never empty.
	MediaURL string
	// MediaQuota bounds what an account uploads in a day.
	MediaQuota media.Quota
	// ImagePolicies are what each purpose asks of an image.
	ImagePolicies media.Policies
}

// media must be called when the data folder is absolute.
func (e *environment) media(dataDir string) Media {
	m := Media{
		MediaURL: e.getenv("WAYBILL_MEDIA"),
		MediaQuota: media.Quota{
			Images: e.number("WAYBILL_MEDIA_DAILY_IMAGES", media.StandardQuota.Images, 0, 1_000_000),
			Bytes:  e.bytes("WAYBILL_MEDIA_DAILY_BYTES", media.StandardQuota.Bytes),
		},
	}
	var err error
	if m.ImagePolicies, err = media.ParsePolicies(e.getenv("WAYBILL_IMAGE_POLICIES")); err != nil {
		e.mistake("WAYBILL_IMAGE_POLICIES", e.getenv("WAYBILL_IMAGE_POLICIES"), err.Error())
	}
	if m.MediaURL == "" {
		m.MediaURL = (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(dataDir, "media"))}).String()
	} else if err := filestore.CheckURL(m.MediaURL); err != nil {
		e.mistake("WAYBILL_MEDIA", "(hidden)", err.Error())
	}
	return m
}

// units are what a size may end with.
var units = map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

func (e *environment) bytes(name string, standard int64) int64 {
	v := e.getenv(name)
	if v == "" {
		return standard
	}
	digits := strings.TrimRight(v, "KMGiB")
	unit, known := units[v[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || !known || n > math.MaxInt64/unit {
		e.mistake(name, v, `a number of bytes, such as "256MiB", or 0 for no bound`)
		return standard
	}
	return n * unit
}
