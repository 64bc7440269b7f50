package intake_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"waybill/adapters/media/intake"
	"waybill/domain/media"
)

// TestMemoryIsReckonedRight: decoding allocates no more than was reckoned from the header, whatever the kind of file.
func TestMemoryIsReckonedRight(t *testing.T) { // alone, since it counts what the process allocates
	if raced {
		t.Skip("the race detector allocates for itself")
	}
	all := samples(t)
	large := func(frame byte, ids string, scans []drawnScan, sampling ...byte) []byte {
		return drawn{frame: frame, precision: 8, w: 603, h: 801, ids: []byte(ids), scans: scans, sampling: sampling}.bytes()
	}
	all["large, sequential"] = sample{file: large(0xc0, "\x01\x02\x03", sequential)}
	all["large, sequential, gray"] = sample{file: large(0xc0, "\x01", sequential)}
	all["large, 4:2:0"] = sample{file: large(0xc0, "\x01\x02\x03", sequential, 0x22, 0x11, 0x11)}
	all["large, progressive"] = sample{file: large(0xc2, "\x01\x02\x03", progressive(3))}
	all["large, progressive, 4:2:0"] = sample{file: large(0xc2, "\x01\x02\x03", progressive(3)[:2], 0x22, 0x11, 0x11)}
	all["large, RGB"] = sample{file: large(0xc0, "RGB", sequential)}
	all["large, turned"] = sample{file: with(large(0xc0, "\x01\x02\x03", sequential), segment(0xe1, "Exif\x00\x00"+exif(6, binary.BigEndian)))}
	for _, kind := range []byte{0, 2, 3, 4, 6} {
		for _, laced := range []bool{false, true} {
			depth := byte(8)
			if laced && kind != 3 {
				depth = 16
			}
			g := grid{w: 603, h: 801, depth: depth, kind: kind, laced: laced, clear: kind < 3}
			all[fmt.Sprintf("large PNG, colour type %d, interlaced %t", kind, laced)] = sample{file: g.bytes()}
			all[fmt.Sprintf("large PNG, turned, colour type %d, interlaced %t", kind, laced)] = sample{file: afterHeader(g.bytes(), chunk("eXIf", exif(6, binary.BigEndian)))}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		reckoned, decode, err := intake.Decode(all[name].file)
		if err != nil || reckoned > intake.Standard().Memory {
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = decode()
		runtime.ReadMemStats(&after)
		slack := int64(8 * len(all[name].file)) // an encoded file, as it grows and is copied
		if used := int64(after.TotalAlloc - before.TotalAlloc); used > reckoned+slack {
			t.Errorf("%s: %d bytes, reckoned %d (%v)", name, used, reckoned, err)
		}
		if strings.HasPrefix(name, "large") && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHundredAtOnce takes a hundred images of the worst kinds at once, in a process of its own, and looks at its memory.
func TestHundredAtOnce(t *testing.T) {
	if raced {
		t.Skip("the race detector has a memory of its own")
	}
	const child = "WAYBILL_TEST_HUNDRED"
	if os.Getenv(child) != "" {
		hundredAtOnce(t)
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, peak, _ := strings.Cut(string(status), "VmHWM:")
		fmt.Println("PEAK", strings.Fields(peak)[0])
		return
	}
	t.Parallel()
	c := exec.Command(os.Args[0], "-test.run=^TestHundredAtOnce$", "-test.v")
	c.Env = append(os.Environ(), child+"=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var peak int
	if _, said, ok := strings.Cut(string(out), "PEAK "); !ok {
		t.Fatalf("%s", out)
	} else if _, err := fmt.Sscan(said, &peak); err != nil {
		t.Fatal(err)
	}
	t.Logf("at the peak %d MB", peak>>10)
	if peak>>10 > 220 { // the server itself has 60 more at most
		t.Errorf("at the peak %d MB", peak>>10)
	}
}

func hundredAtOnce(t *testing.T) {
	debug.SetGCPercent(200) // as the server
	policy := media.Policy{MaxBytes: 2 << 20, Formats: anything.Formats}
	noise := jpegOf(t, photo(1500, 1500), 100)
	files := [][]byte{
		zeroes(t, 4900, 4950), // 97 MB of pixels in 97 kB
		drawn{frame: 0xc2, precision: 8, w: 2000, h: 2000, ids: []byte{1, 2, 3}, scans: progressive(3)}.bytes(),
		with(noise, segment(0xe1, "Exif\x00\x00"+exif(6, binary.BigEndian))),
		noise,
		slices.Concat(noise, bytes.Repeat([]byte{0}, int(policy.MaxBytes)-len(noise))),
		grid{w: 9, h: 9, depth: 8, kind: 0, data: deflatedZeroes(t, 64, 1<<20)}.bytes(),
	}
	for i := range files {
		if int64(len(files[i])) > policy.MaxBytes {
			t.Fatalf("file %d has %d bytes", i, len(files[i]))
		}
	}
	in := intake.New(intake.Config{Dir: t.TempDir()})
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range 100 {
		n := i % len(files)
		if n == 0 && i > 30 {
			n = 3 // six of those do
		}
		all.Go(func() {
			<-start
			r, err := in.Take(context.Background(), bytes.NewReader(files[n]), policy)
			if (err == nil) != (n != 5) {
				t.Errorf("file %d: %v", n, err)
			}
			r.Close()
		})
	}
	close(start)
	all.Wait()
}

// zeroes is a PNG of black pixels.
func zeroes(t testing.TB, w, h int) []byte {
	t.Helper()
	return grid{w: w, h: h, depth: 8, kind: 6, data: deflatedZeroes(t, h, 1+4*w)}.bytes()
}

// deflatedZeroes compresses n times so many zeroes, without having them in memory.
func deflatedZeroes(t testing.TB, n, each int) string {
	t.Helper()
	var out bytes.Buffer
	z, err := zlib.NewWriterLevel(&out, zlib.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]byte, each)
	for range n {
		if _, err := z.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// endless is a sender who does not stop.
type endless struct{ sent int64 }

func (e *endless) Read(b []byte) (int, error) {
	copy(b, "\xff\xd8\xff")
	e.sent += int64(len(b))
	return len(b), nil
}

// TestEndlessUpload: no more is read than the policy and the slack allow.
func TestEndlessUpload(t *testing.T) {
	t.Parallel()
	var sender endless
	_, err := intake.New(intake.Config{Dir: t.TempDir()}).Take(context.Background(), &sender, anything)
	if got := codes(t, err); got != "image_too_large" {
		t.Errorf("%q: %v", got, err)
	}
	if most := anything.MaxBytes + intake.Standard().Slack + 64<<10; sender.sent > most {
		t.Errorf("%d bytes were read, more than %d", sender.sent, most)
	}
}

// TestWhatIsNoMistake of the file is no refusal: a sender who breaks off, a caller who gives up.
func TestWhatIsNoMistake(t *testing.T) {
	t.Parallel()
	in := intake.New(intake.Config{Dir: t.TempDir(), Decodes: 1})
	gone := errors.New("connection reset")
	if _, err := in.Take(context.Background(), io.MultiReader(strings.NewReader("\xff\xd8"), failing{gone}), anything); !errors.Is(err, gone) {
		t.Errorf("%v, want %v", err, gone)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := in.Take(ctx, bytes.NewReader(jpegOf(t, photo(9, 9), 80)), anything); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if _, err := intake.New(intake.Config{Dir: "/nowhere"}).Take(context.Background(), strings.NewReader("x"), anything); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want %v", err, os.ErrNotExist)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestWaitingForRoom: who holds a result holds its memory, until it is closed; a caller who waits can give up.
func TestWaitingForRoom(t *testing.T) {
	t.Parallel()
	file := jpegOf(t, photo(200, 200), 90)
	dir := t.TempDir()
	in := intake.New(intake.Config{Dir: dir, Held: int64(3 * len(file))}) // one file takes two
	first, err := in.Take(context.Background(), bytes.NewReader(file), anything)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	waiting := make(chan error)
	go func() {
		_, err := in.Take(ctx, bytes.NewReader(file), anything)
		waiting <- err
	}()
	select {
	case err := <-waiting:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want %v", err, context.Canceled)
	}
	first.Close()
	first.Close()
	second, err := in.Take(context.Background(), bytes.NewReader(file), anything)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}
