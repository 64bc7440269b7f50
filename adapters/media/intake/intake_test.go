package intake_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"waybill/adapters/media/intake"
	"waybill/domain"
	"waybill/domain/media"
)

// anything is a policy that asks for no size.
var anything = media.Policy{MaxBytes: 1 << 20, Formats: []media.Format{media.JPEG, media.PNG}}

func take(t testing.TB, file []byte, policy media.Policy) (*intake.Result, error) {
	t.Helper()
	r, err := intake.New(intake.Config{Dir: t.TempDir()}).Take(context.Background(), bytes.NewReader(file), policy)
	t.Cleanup(r.Close)
	return r, err
}

// codes are those of a refusal, in order; empty without one.
func codes(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *domain.Error
	if !errors.As(err, &e) || !errors.Is(err, domain.ErrInvalid) {
		t.Fatalf("no refusal: %v", err)
	}
	var said []string
	for _, f := range e.Fields {
		if f.Pointer != "/file" || f.Text.ZH == "" || f.Text.EN == "" {
			t.Errorf("half said: %+v", f)
		}
		said = append(said, f.Code)
	}
	return strings.Join(said, " ")
}

// case is a file and what is decided about it: the codes of a refusal, or nothing. An accepted file has the pixels that the standard
// library sees in it, unless they are turned.
type sample struct {
	file []byte
	want string
	// w, h are those of a file whose pixels are not compared, since they are turned.
	w, h int
	// kept says that the file is stored as it is.
	kept bool
}

// samples are one of each kind of file: a map of the test's own, whose files are made once and not written to.
func samples(t testing.TB) map[string]sample {
	t.Helper()
	made.Do(func() { madeSamples = makeSamples(t) })
	return maps.Clone(madeSamples)
}

// Half a gigabyte is compressed for them.
var (
	made        sync.Once
	madeSamples map[string]sample
)

func makeSamples(t testing.TB) map[string]sample {
	red := photo(61, 40)
	plain := jpegOf(t, red, 80)
	flat := func(frame byte, ids string, scans []drawnScan) drawn {
		return drawn{frame: frame, precision: 8, w: 61, h: 40, ids: []byte(ids), scans: scans}
	}
	screen := pngOf(t, red)
	all := map[string]sample{
		"JPEG":                                               {file: plain, kept: true},
		"JPEG, gray":                                         {file: jpegOf(t, image.NewGray(image.Rect(0, 0, 30, 20)), 80), kept: true},
		"JPEG, progressive":                                  {file: flat(0xc2, "\x01\x02\x03", progressive(3)).bytes(), kept: true},
		"JPEG, progressive, gray":                            {file: flat(0xc2, "\x01", progressive(1)).bytes(), kept: true},
		"JPEG, extended sequential":                          {file: flat(0xc1, "\x01\x02\x03", sequential).bytes(), kept: true},
		"JPEG, a scan for each component":                    {file: flat(0xc0, "\x01\x02\x03", []drawnScan{{components: []int{1}, to: 63}, {components: []int{0}, to: 63}, {components: []int{2}, to: 63}}).bytes(), kept: true},
		"JPEG, sampled 4:2:0":                                {file: drawn{frame: 0xc0, precision: 8, w: 61, h: 40, ids: []byte{1, 2, 3}, sampling: []byte{0x22, 0x11, 0x11}, scans: sequential}.bytes(), kept: true},
		"JPEG, RGB by its names":                             {file: flat(0xc0, "RGB", sequential).bytes(), kept: true},
		"JPEG, RGB by Adobe":                                 {file: with(flat(0xc0, "\x01\x02\x03", sequential).bytes(), adobe(0))},
		"JPEG, YCbCr by Adobe and JFIF":                      {file: with(flat(0xc0, "RGB", sequential).bytes(), jfif(), adobe(1))},
		"JPEG, a thumbnail in JFIF":                          {file: with(plain, segment(0xe0, "JFIF\x00\x01\x02\x01\x01\x2c\x01\x2c\x01\x01"+secret[:3]), segment(0xe0, "JFXX\x00\x10"+secret))},
		"JPEG, EXIF, XMP, IPTC, MPF, a comment":              {file: with(plain, jfif(), segment(0xe1, "Exif\x00\x00"+exif(1, binary.LittleEndian)), segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00"+secret), segment(0xed, "Photoshop 3.0\x00"+secret), segment(0xe2, "MPF\x00"+secret), segment(0xfe, secret))},
		"JPEG, metadata before a scan":                       {file: before(plain, 0xda, segment(0xfe, secret)...)},
		"JPEG, an ICC profile":                               {file: with(plain, iccSegment(profile("RGB ", "mntr")))},
		"JPEG, an ICC profile in two parts":                  {file: with(plain, segment(0xe2, "ICC_PROFILE\x00\x01\x02"+profile("RGB ", "mntr")[:900]), segment(0xe2, "ICC_PROFILE\x00\x02\x02"+profile("RGB ", "mntr")[900:]))},
		"JPEG, a profile of another colour space":            {file: with(plain, iccSegment(profile("GRAY", "mntr")))},
		"JPEG, a profile that is none":                       {file: with(plain, iccSegment(strings.Repeat(secret, 20)))},
		"JPEG, junk between segments":                        {file: before(plain, 0xdb, []byte(secret)...)},
		"JPEG, fill bytes and a stray restart":               {file: before(plain, 0xc4, 0xff, 0xff, 0xff, 0xd3)},
		"JPEG with HTML behind it":                           {file: slices.Concat(plain, []byte("<html><script>"+secret+"</script></html>"))},
		"JPEG with a second picture behind it":               {file: slices.Concat(plain, with(plain, segment(0xfe, secret)))},
		"JPEG with PHP in a comment":                         {file: with(plain, segment(0xfe, secret))},
		"JPEG, tables after the last scan":                   {file: slices.Concat(plain[:len(plain)-2], segment(0xdb, "\x03"+secret+secret[:64-len(secret)]), plain[len(plain)-2:])},
		"JPEG, an orientation that is none":                  {file: with(plain, segment(0xe1, "Exif\x00\x00"+exif(9, binary.BigEndian)))},
		"JPEG, EXIF cut short":                               {file: with(plain, segment(0xe1, "Exif\x00\x00"+exif(6, binary.BigEndian)[:12]))},
		"JPEG, the second EXIF":                              {file: with(plain, segment(0xe1, "Exif\x00\x00"+exif(1, binary.LittleEndian)), segment(0xe1, "Exif\x00\x00"+exif(6, binary.LittleEndian)))},
		"JPEG, EXIF and JFIF between scans":                  {file: before(flat(0xc2, "\x01\x02\x03", progressive(3)).bytes(), 0xd9, slices.Concat(segment(0xe1, "Exif\x00\x00"+exif(6, binary.LittleEndian)), jfif(), iccSegment(profile("RGB ", "mntr")), flat(0xc2, "\x01\x02\x03", nil).scan(drawnScan{components: []int{0}, from: 6, to: 63}))...)},
		"PNG, the second EXIF":                               {file: afterHeader(screen, chunk("eXIf", exif(1, binary.LittleEndian)), chunk("eXIf", exif(6, binary.LittleEndian)))},
		"JPEG, CMYK":                                         {file: with(flat(0xc0, "CMYK", sequential).bytes(), adobe(0)), want: "image_unsupported"},
		"JPEG, YCCK":                                         {file: with(flat(0xc0, "\x01\x02\x03\x04", sequential).bytes(), adobe(2)), want: "image_unsupported"},
		"JPEG, arithmetic coding":                            {file: flat(0xc9, "\x01\x02\x03", sequential).bytes(), want: "image_unsupported"},
		"JPEG, arithmetic and progressive":                   {file: flat(0xca, "\x01\x02\x03", sequential).bytes(), want: "image_unsupported"},
		"JPEG, lossless":                                     {file: flat(0xc3, "\x01\x02\x03", sequential).bytes(), want: "image_unsupported"},
		"JPEG, 12 bits":                                      {file: drawn{frame: 0xc1, precision: 12, w: 61, h: 40, ids: []byte{1, 2, 3}, scans: sequential}.bytes(), want: "image_unsupported"},
		"JPEG, sampled as nobody does":                       {file: drawn{frame: 0xc0, precision: 8, w: 61, h: 40, ids: []byte{1, 2, 3}, sampling: []byte{0x31, 0x11, 0x11}, scans: sequential}.bytes(), want: "image_unsupported"},
		"JPEG, two components":                               {file: flat(0xc0, "\x01\x02", sequential).bytes(), want: "image_broken"},
		"JPEG without an end":                                {file: plain[:len(plain)-2], want: "image_broken"},
		"JPEG, half of it":                                   {file: plain[:len(plain)/2], want: "image_broken"},
		"JPEG, half of it with an end":                       {file: slices.Concat(plain[:len(plain)/2], []byte{0xff, 0xd9}), want: "image_broken"},
		"JPEG, only its start":                               {file: plain[:2], want: "image_broken"},
		"JPEG, cut in a segment":                             {file: plain[:9], want: "image_broken"},
		"JPEG, a segment of length 1":                        {file: slices.Concat(plain[:2], []byte{0xff, 0xfe, 0, 1}, plain[2:]), want: "image_broken"},
		"JPEG, a start within":                               {file: before(plain, 0xda, 0xff, 0xd8), want: "image_broken"},
		"JPEG of no width":                                   {file: drawn{frame: 0xc0, precision: 8, w: 0, h: 40, ids: []byte{1}, scans: sequential}.bytes(), want: "image_broken"},
		"JPEG of no height":                                  {file: drawn{frame: 0xc0, precision: 8, w: 61, h: 0, ids: []byte{1}, scans: sequential}.bytes(), want: "image_broken"},
		"JPEG without a frame":                               {file: []byte("\xff\xd8\xff\xd9"), want: "image_broken"},
		"JPEG without scans":                                 {file: flat(0xc0, "\x01\x02\x03", nil).bytes(), want: "image_broken"},
		"JPEG, a component without a scan":                   {file: flat(0xc0, "\x01\x02\x03", []drawnScan{{components: []int{0}, to: 63}, {components: []int{1}, to: 63}}).bytes(), want: "image_broken"},
		"JPEG, a component scanned twice":                    {file: flat(0xc0, "\x01\x02\x03", append(slices.Clone(sequential), drawnScan{components: []int{0}, to: 63})).bytes(), want: "image_broken"},
		"JPEG, progressive without its beginning":            {file: flat(0xc2, "\x01\x02\x03", progressive(3)[2:]).bytes(), want: "image_broken"},
		"JPEG, progressive, a component from its middle":     {file: flat(0xc2, "\x01", []drawnScan{{from: 1, to: 63}, {}}).bytes(), want: "image_broken"},
		"JPEG, progressive, a component from its last bit":   {file: flat(0xc2, "\x01", progressive(1)[1:]).bytes(), want: "image_broken"},
		"JPEG, more in a frame than its components":          {file: slices.Concat(plain[:2], segment(0xc0, "\x08\x00\x28\x00\x3d\x01\x01\x11\x00\x02\x11"), plain[2:]), want: "image_broken"},
		"JPEG without quantization tables":                   {file: drawn{frame: 0xc0, precision: 8, w: 61, h: 40, ids: []byte{1}, scans: sequential, noTables: true}.bytes(), want: "image_broken"},
		"JPEG, tables that change under way":                 {file: before(flat(0xc2, "\x01", progressive(1)).bytes(), 0xd9, slices.Concat(segment(0xdb, "\x00"+string(bytes.Repeat([]byte{9}, 64))), flat(0xc2, "\x01", progressive(1)).scan(drawnScan{from: 6, to: 63}))...), want: "image_broken"},
		"JPEG, two frames":                                   {file: before(plain, 0xda, segment(0xc0, "\x08\x00\x28\x00\x3d\x01\x01\x11\x00")...), want: "image_broken"},
		"JPEG, 51 scans":                                     {file: flat(0xc2, "\x01", append(progressive(1), slices.Repeat([]drawnScan{{from: 6, to: 63}}, 47)...)).bytes(), want: "image_broken"},
		"JPEG, 50 scans":                                     {file: flat(0xc2, "\x01", append(progressive(1), slices.Repeat([]drawnScan{{from: 6, to: 63}}, 46)...)).bytes(), kept: true},
		"JPEG, scans that do not end":                        {file: flat(0xc2, "\x01", append(progressive(1), slices.Repeat([]drawnScan{{from: 6, to: 63}}, 20_000)...)).bytes(), want: "image_broken"},
		"JPEG of 4,294 megapixels":                           {file: drawn{frame: 0xc0, precision: 8, w: 65535, h: 65535, ids: []byte{1, 2, 3}, scans: []drawnScan{{to: 63, blocks: 1}}}.bytes(), want: "image_too_many_pixels"},
		"JPEG, progressive, of 25 megapixels in full colour": {file: drawn{frame: 0xc2, precision: 8, w: 5000, h: 5000, ids: []byte{1, 2, 3}, scans: []drawnScan{{blocks: 1}}}.bytes(), want: "image_too_many_pixels"},

		"PNG":                                         {file: screen, kept: true},
		"PNG of several parts":                        {file: grid{w: 61, h: 40, depth: 8, kind: 6}.bytes()},
		"PNG, animated":                               {file: atEnd(afterHeader(screen, chunk("acTL", "\x00\x00\x00\x02\x00\x00\x00\x00"), chunk("fcTL", "\x00\x00\x00\x00\x00\x00\x00\x3d\x00\x00\x00\x28"+secret)), chunk("fcTL", "\x00\x00\x00\x01"+secret), chunk("fdAT", "\x00\x00\x00\x02"+secret))},
		"PNG, texts, time, EXIF, density":             {file: atEnd(afterHeader(screen, chunk("tEXt", "Author\x00"+secret), chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+secret), chunk("tIME", "\x07\xe7\x01\x01\x00\x00\x00"), chunk("pHYs", "SECRET123"), chunk("eXIf", exif(1, binary.BigEndian))), chunk("tEXt", "Comment\x00"+secret))},
		"PNG, a compressed text of 100 MB":            {file: afterHeader(screen, chunk("zTXt", "Comment\x00\x00"+deflated(strings.Repeat("SECRET", 100<<20/6))))},
		"PNG, an ICC profile":                         {file: afterHeader(screen, iccChunk(profile("RGB ", "mntr")))},
		"PNG, gray, an ICC profile":                   {file: afterHeader(grid{w: 61, h: 40, depth: 8, kind: 0}.bytes(), iccChunk(profile("GRAY", "scnr")))},
		"PNG, a profile that inflates to 100 MB":      {file: afterHeader(screen, iccChunk(profile("RGB ", "mntr")+strings.Repeat("SECRET", 100<<20/6)))},
		"PNG, sRGB and the like":                      {file: afterHeader(screen, chunk("gAMA", "\x00\x00\xb1\x8f"), chunk("sRGB", "\x00"), chunk("cHRM", strings.Repeat("\x00\x00\x7a\x26", 8)))},
		"PNG, colours of a wrong length, or too late": {file: atEnd(afterHeader(screen, chunk("gAMA", secret), chunk("sRGB", secret)), chunk("cICP", "\x01\x0d\x00\x01"))},
		"PNG, a palette that is only suggested":       {file: afterHeader(screen, chunk("PLTE", "SECRET"))},
		"PNG, an unknown chunk":                       {file: afterHeader(screen, chunk("waVe", secret))},
		"PNG and ZIP":                                 {file: slices.Concat(screen, []byte("PK\x03\x04"+secret+"PK\x05\x06"))},
		"PNG, empty parts of pixels behind them":      {file: atEnd(screen, chunk("IDAT", ""))},
		"PNG, something behind the pixels":            {file: atEnd(screen, chunk("IDAT", secret)), want: "image_broken"},
		"PNG without an end":                          {file: screen[:len(screen)-12], want: "image_broken"},
		"PNG, cut in its end":                         {file: screen[:len(screen)-1], want: "image_broken"},
		"PNG, cut in its pixels":                      {file: screen[:len(screen)/2], want: "image_broken"},
		"PNG, too few rows":                           {file: grid{w: 9, h: 9, depth: 8, kind: 0, rows: strings.Repeat("\x00", 80)}.bytes(), want: "image_broken"},
		"PNG, a row too many":                         {file: grid{w: 9, h: 9, depth: 8, kind: 0, rows: strings.Repeat("\x00", 100)}.bytes(), want: "image_broken"},
		"PNG, pixels that inflate without end":        {file: grid{w: 9, h: 9, depth: 8, kind: 0, data: deflated(strings.Repeat("\x00", 300<<20))}.bytes(), want: "image_broken"},
		"PNG, pixels that are not compressed":         {file: grid{w: 9, h: 9, depth: 8, kind: 0, data: "stored"}.bytes(), want: "image_broken"},
		"PNG, an unknown filter":                      {file: grid{w: 1, h: 1, depth: 8, kind: 0, rows: "\x09\x00"}.bytes(), want: "image_broken"},
		"PNG, a wrong checksum of pixels":             {file: flipped(screen, len(screen)-14), want: "image_broken"},
		"PNG, a wrong checksum of a text":             {file: afterHeader(screen, flipped(chunk("tEXt", "a\x00b"), 12)), want: "image_broken"},
		"PNG, two headers":                            {file: afterHeader(screen, screen[8:33]), want: "image_broken"},
		"PNG, two palettes":                           {file: afterHeader(grid{w: 9, h: 9, depth: 1, kind: 3}.bytes(), chunk("PLTE", "abcdef")), want: "image_broken"},
		"PNG without its palette":                     {file: slices.Concat(grid{w: 9, h: 9, depth: 1, kind: 3}.bytes()[:33], screen[33:]), want: "image_broken"},
		"PNG, its header is not the first":            {file: slices.Concat(screen[:8], chunk("tEXt", "a\x00b"), screen[8:]), want: "image_broken"},
		"PNG without pixels":                          {file: slices.Concat(screen[:33], chunk("IEND", "")), want: "image_broken"},
		"PNG, pixels in two places": {file: func() []byte {
			g := grid{w: 61, h: 40, depth: 8, kind: 6}.bytes()
			at := bytes.Index(g[60:], []byte("IDAT")) + 60 - 4
			return slices.Concat(g[:at], chunk("tEXt", "a\x00b"), g[at:])
		}(), want: "image_broken"},
		"PNG of no width":                 {file: grid{w: 0, h: 9, depth: 8, kind: 0, data: deflated("\x00")}.bytes(), want: "image_broken"},
		"PNG of no height":                {file: grid{w: 9, h: 0, depth: 8, kind: 0, data: deflated("\x00")}.bytes(), want: "image_broken"},
		"PNG of a depth that is none":     {file: grid{w: 9, h: 9, depth: 4, kind: 2}.bytes(), want: "image_unsupported"},
		"PNG of Apple's":                  {file: slices.Concat(screen[:8], chunk("CgBI", "\x50\x00\x20\x02"), screen[8:]), want: "image_broken"},
		"PNG with a critical chunk":       {file: afterHeader(screen, chunk("JDAT", secret)), want: "image_broken"},
		"PNG of 2³¹ by 2³¹ pixels":        {file: grid{w: 1<<31 - 1, h: 1<<31 - 1, depth: 16, kind: 6, data: "x"}.bytes(), want: "image_too_many_pixels"},
		"PNG of 40,000,001 pixels":        {file: grid{w: 40_000_001, h: 1, depth: 1, kind: 0, data: "x"}.bytes(), want: "image_too_many_pixels"},
		"PNG of 36 megapixels of 16 bits": {file: grid{w: 6000, h: 6000, depth: 16, kind: 6, data: "x"}.bytes(), want: "image_too_many_pixels"},

		"nothing":  {want: "image_empty"},
		"one byte": {file: []byte{0xff}, want: "image_format"},
		"GIF":      {file: []byte("GIF89a\x01\x00\x01\x00"), want: "image_format"},
		"WebP":     {file: []byte("RIFF\x24\x00\x00\x00WEBPVP8 "), want: "image_format"},
		"BMP":      {file: []byte("BM\x46\x00\x00\x00"), want: "image_format"},
		"TIFF":     {file: []byte(exif(6, binary.LittleEndian)), want: "image_format"},
		"HEIC":     {file: []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), want: "image_format"},
		"AVIF":     {file: []byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00"), want: "image_format"},
		"SVG":      {file: []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`), want: "image_format"},
		"PDF":      {file: []byte("%PDF-1.7\n"), want: "image_format"},
		"ZIP":      {file: []byte("PK\x03\x04"), want: "image_format"},
		"text":     {file: []byte("hello"), want: "image_format"},
	}
	for _, kind := range []struct {
		kind   byte
		depths []byte
		clear  bool
	}{{0, []byte{1, 2, 4, 8, 16}, true}, {2, []byte{8, 16}, true}, {3, []byte{1, 2, 4, 8}, true}, {4, []byte{8, 16}, false}, {6, []byte{8, 16}, false}} {
		for _, depth := range kind.depths {
			for _, g := range []grid{{}, {laced: true}, {clear: true}, {laced: true, clear: true}} {
				if g.clear && !kind.clear {
					continue
				}
				g.w, g.h, g.depth, g.kind = 21, 13, depth, kind.kind
				all[fmt.Sprintf("PNG, colour type %d of %d bits, interlaced %t, transparency %t", g.kind, depth, g.laced, g.clear)] = sample{file: g.bytes(), kept: len(g.bytes()) < 700}
			}
		}
	}
	for o := 1; o <= 8; o++ {
		s := sample{w: 61, h: 40}
		if o >= 5 {
			s.w, s.h = 40, 61
		}
		s.file = with(plain, segment(0xe1, "Exif\x00\x00"+exif(o, binary.LittleEndian)), segment(0xe1, "Exif\x00\x00"+exif(6, binary.BigEndian)))
		if o > 1 {
			all[fmt.Sprintf("JPEG, orientation %d", o)] = s
		}
		s.file = afterHeader(grid{w: 61, h: 40, depth: 16, kind: 6, laced: o%2 == 0}.bytes(), iccChunk(profile("RGB ", "mntr")), chunk("eXIf", exif(o, binary.BigEndian)))
		all[fmt.Sprintf("PNG, orientation %d", o)] = s
	}
	return all
}

func flipped(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 0x40
	return b
}

func TestTake(t *testing.T) {
	t.Parallel()
	all := samples(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := take(t, s.file, anything)
			if got := codes(t, err); got != s.want {
				t.Fatalf("%q (%v), want %q", got, err, s.want)
			}
			if err != nil {
				return
			}
			if s.kept && !bytes.Equal(r.Bytes, s.file) {
				t.Error("it was changed, and there was no need")
			}
			if s.w == 0 {
				want, got := decode(t, s.file), decode(t, r.Bytes)
				same(t, want, got)
				s.w, s.h = want.Bounds().Dx(), want.Bounds().Dy()
			}
			taken(t, r, s.w, s.h)
		})
	}
}

// taken holds what was taken to what is promised of everything that is.
func taken(t *testing.T, r *intake.Result, w, h int) {
	t.Helper()
	sum := sha256.Sum256(r.Bytes)
	want := media.Image{Digest: "sha256:" + hex.EncodeToString(sum[:]), Format: r.Image.Format, Width: w, Height: h, Bytes: int64(len(r.Bytes))}
	if r.Image != want {
		t.Errorf("measured %+v, it is %+v", r.Image, want)
	}
	for _, word := range []string{"SECR", "PK\x03\x04", "<html"} {
		if bytes.Contains(r.Bytes, []byte(word)) {
			t.Errorf("%q is still in it", word)
		}
	}
	structure(t, r)
	again, err := take(t, r.Bytes, anything)
	if err != nil {
		t.Fatalf("not taken a second time: %v", err)
	}
	if again.Image != r.Image {
		t.Errorf("taken again it is %+v, and was %+v", again.Image, r.Image)
	}
}

// structure refuses every part that is no part of a picture.
func structure(t *testing.T, r *intake.Result) {
	t.Helper()
	b := r.Bytes
	if r.Image.Format == media.PNG {
		for b = b[8:]; len(b) > 0; b = b[12+binary.BigEndian.Uint32(b):] {
			if name := string(b[4:8]); !strings.Contains("IHDR PLTE tRNS IDAT IEND cICP iCCP sRGB gAMA cHRM", name) {
				t.Errorf("a chunk %q", name)
			}
		}
		return
	}
	for b = b[2:]; b[1] != 0xd9; {
		payload := b[4 : 2+binary.BigEndian.Uint16(b[2:])]
		switch b[1] {
		case 0xc0, 0xc1, 0xc2, 0xc4, 0xdb, 0xdd:
		case 0xe0:
			if string(payload) != "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" {
				t.Errorf("JFIF says %q", payload)
			}
		case 0xee:
			if len(payload) != 12 || string(payload[:11]) != "Adobe\x00\x64\x00\x00\x00\x00" {
				t.Errorf("Adobe says %q", payload)
			}
		case 0xe2:
			if !bytes.HasPrefix(payload, []byte("ICC_PROFILE\x00\x01\x01")) {
				t.Errorf("APP2 says %.20q", payload)
			}
		case 0xda:
			b = b[2+binary.BigEndian.Uint16(b[2:]):] // and over the data, to the next marker
			for b[0] != 0xff || b[1] == 0 || b[1]&^7 == 0xd0 {
				b = b[1:]
			}
			continue
		default:
			t.Errorf("a marker %#x", b[1])
		}
		b = b[2+binary.BigEndian.Uint16(b[2:]):]
	}
	if len(b) != 2 {
		t.Errorf("%d bytes behind the end", len(b)-2)
	}
}

func decode(t testing.TB, file []byte) image.Image {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("the standard library: %v", err)
	}
	return m
}

func same(t *testing.T, want, got image.Image) {
	t.Helper()
	if want.Bounds() != got.Bounds() || want.ColorModel() == nil {
		t.Fatalf("%v, want %v", got.Bounds(), want.Bounds())
	}
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			if want.At(x, y) != got.At(x, y) {
				t.Fatalf("at %d,%d it is %v, want %v", x, y, got.At(x, y), want.At(x, y))
			}
		}
	}
}
