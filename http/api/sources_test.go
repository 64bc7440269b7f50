package api_test

import (
	"context"
	"testing"

	"waybill/adapters/gazetteer"
	filestore "waybill/adapters/media"
	"waybill/adapters/media/intake"
	"waybill/adapters/postgres"
	"waybill/domain/media"
	"waybill/http/api"
)

// places is the whole gazetteer, which is loaded once for all worlds.
func places(t testing.TB) *gazetteer.Gazetteer {
	t.Helper()
	g, err := gazetteer.Load()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// images keeps what is uploaded in a folder of the test's own.
func (w *world) images(t testing.TB) api.Images {
	t.Helper()
	files, err := filestore.OpenFiles(context.Background(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	// What profile and content name is there.
	if err := files.Put(context.Background(), image, drawn(239, 160, 1)); err != nil {
		t.Fatal(err)
	}
	return filestore.NewLibrary(files, postgres.NewUploads(w.pool), intake.New(intake.Standard()), media.Standard(), media.Quota{Images: 100, Bytes: 64 << 20})
}
