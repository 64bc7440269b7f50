package drawing_test

import (
	"bytes"
	"context"
	"testing"

	"waybill/adapters/media/drawing"
	"waybill/adapters/media/intake"
	"waybill/domain/media"
)

// TestDraw: every picture is taken as it is by the policy of its purpose, without a word.
func TestDraw(t *testing.T) {
	t.Parallel()
	in := intake.New(intake.Config{Dir: t.TempDir()})
	for _, purpose := range media.Purposes {
		t.Run(string(purpose), func(t *testing.T) {
			t.Parallel()
			seen := map[string]uint64{}
			for seed := range uint64(8) {
				file := drawing.Draw(purpose, seed)
				r, err := in.Take(context.Background(), bytes.NewReader(file), media.Standard()[purpose])
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if len(r.Findings) > 0 || !bytes.Equal(r.Bytes, file) {
					t.Errorf("seed %d: changed, or %v", seed, r.Findings)
				}
				if other, ok := seen[r.Image.Digest]; ok {
					t.Errorf("seeds %d and %d draw the same", other, seed)
				}
				seen[r.Image.Digest] = seed
				if !bytes.Equal(drawing.Draw(purpose, seed), file) {
					t.Errorf("seed %d draws something else a second time", seed)
				}
				r.Close()
			}
		})
	}
}
