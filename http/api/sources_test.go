package api_test

import (
	"context"
	"testing"

	"waybill/adapters/gazetteer"
	filestore "waybill/adapters/media"
	"waybill/adapters/media/intake"
	"waybill/adapters/postgres"
	"waybill/domain/commands"
	"waybill/domain/media"
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

// library keeps what is uploaded in a folder of the test's own.
func (w *world) library(t testing.TB) *filestore.Library {
	t.Helper()
	w.folder = t.TempDir()
	files, err := filestore.OpenFiles(context.Background(), "file://"+w.folder)
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

// startReal is a world that is put together as cmd/waybill does it: what is submitted refers to images that were uploaded, and to places
// of the gazetteer.
func startReal(t testing.TB) *world {
	t.Helper()
	return startOn(t, func(library *filestore.Library) commands.Sources {
		return commands.Sources{Images: library, Policies: media.Standard(), Places: places(t)}
	})
}
