package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"waybill/domain/media"
)

func TestMedia(t *testing.T) {
	t.Parallel()
	standard, err := filepath.Abs("var/media")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url, images, bytes string
		want               Media
		mistake            string
	}{
		{"", "", "", Media{"file://" + standard, media.StandardQuota, media.Standard()}, ""},
		{"file:///srv/images", "0", "0", Media{"file:///srv/images", media.Quota{}, media.Standard()}, ""},
		{"s3://images?region=cn-north-1", "7", "3GiB", Media{"s3://images?region=cn-north-1", media.Quota{Images: 7, Bytes: 3 << 30}, media.Standard()}, ""},
		{"", "", "1048576", Media{"file://" + standard, media.Quota{Images: 500, Bytes: 1 << 20}, media.Standard()}, ""},
		{"", "", "3000000000", Media{"file://" + standard, media.Quota{Images: 500, Bytes: 3_000_000_000}, media.Standard()}, ""},
		{"", "", "9000000000GiB", Media{}, "WAYBILL_MEDIA_DAILY_BYTES=9000000000GiB"},
		{"/srv/images", "", "", Media{}, "WAYBILL_MEDIA=(hidden): want a folder or a bucket"},
		{"s3://key:sesame@images", "", "", Media{}, "WAYBILL_MEDIA=(hidden)"},
		{"", "many", "", Media{}, "WAYBILL_MEDIA_DAILY_IMAGES=many"},
		{"", "", "3 GB", Media{}, "WAYBILL_MEDIA_DAILY_BYTES=3 GB"},
		{"", "", "-1", Media{}, "WAYBILL_MEDIA_DAILY_BYTES=-1"},
	} {
		env := map[string]string{"WAYBILL_MEDIA": c.url, "WAYBILL_MEDIA_DAILY_IMAGES": c.images, "WAYBILL_MEDIA_DAILY_BYTES": c.bytes}
		got, err := Load(func(name string) string { return env[name] })
		switch {
		case c.mistake == "":
			if err != nil || !reflect.DeepEqual(got.Media, c.want) {
				t.Errorf("%+v: %+v, %v", c, got.Media, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.mistake) || strings.Contains(err.Error(), "sesame"):
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestImagePolicies(t *testing.T) {
	t.Parallel()
	for list, mistake := range map[string]string{
		"":                "",
		"logo.pixels=box": "",
		"logo.pixels=big": "WAYBILL_IMAGE_POLICIES=logo.pixels=big",
	} {
		got, err := Load(func(name string) string { return map[string]string{"WAYBILL_IMAGE_POLICIES": list}[name] })
		switch {
		case mistake == "":
			if want, _ := media.ParsePolicies(list); err != nil || !reflect.DeepEqual(got.ImagePolicies, want) {
				t.Errorf("%q: %+v, %v", list, got.ImagePolicies, err)
			}
		case err == nil || !strings.Contains(err.Error(), mistake):
			t.Errorf("%q: %v", list, err)
		}
	}
}
