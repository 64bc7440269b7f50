package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	picture "image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"math/rand/v2"
	nethttp "net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain/media"
)

// uploader is a client that uploads images and submits products with some of them, until each is acknowledged.
type uploader struct {
	t      *testing.T
	client *nethttp.Client
	url    atomic.Pointer[string]
	token  string
}

// send sends one request until it is answered, whatever becomes of the server.
func (u *uploader) send(ctx context.Context, method, path, media, key string, body []byte) (int, []byte) {
	for {
		r, err := nethttp.NewRequestWithContext(ctx, method, *u.url.Load()+path, bytes.NewReader(body))
		if err != nil {
			u.t.Error(err)
			return 0, nil
		}
		r.Header.Set("Authorization", "Bearer "+u.token)
		r.Header.Set("Content-Type", media)
		r.Header.Set("Idempotency-Key", key)
		if body == nil {
			r.Header.Del("Content-Type")
			r.Header.Del("Idempotency-Key")
		}
		response, err := u.client.Do(r)
		if err == nil {
			raw, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err == nil && response.StatusCode < 500 {
				return response.StatusCode, raw
			}
		}
		if ctx.Err() != nil {
			u.t.Error(ctx.Err())
			return 0, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// drawing is an image of its own for each seed.
func drawing(width, height, seed int) []byte {
	i := picture.NewRGBA(picture.Rect(0, 0, width, height))
	for x := range width {
		i.Set(x, seed%height, color.RGBA{uint8(x * seed), uint8(seed), uint8(seed >> 8), 255})
	}
	var out bytes.Buffer
	_ = png.Encode(&out, i)
	return out.Bytes()
}

// upload returns the digest of what was uploaded; empty when it was not.
func (u *uploader) upload(ctx context.Context, purpose string, content []byte, key string) string {
	status, raw := u.send(ctx, "POST", "/api/v1/images?purpose="+purpose, "image/png", key, content)
	var got struct{ Digest string }
	sum := sha256.Sum256(content)
	if err := json.Unmarshal(raw, &got); err != nil || status != 201 || got.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
		u.t.Errorf("upload: %d %s %v", status, raw, err)
		return ""
	}
	return got.Digest
}

// TestChaosUploads: a hundred clients upload and submit while the server is killed again and again. Whatever was acknowledged is there
// with all its bytes, every reference has its file, and once the rest is old a collection leaves what is referred to and nothing else.
func TestChaosUploads(t *testing.T) {
	t.Parallel()
	env, pool := onDatabase(t)
	env["WAYBILL_MEDIA_DAILY_IMAGES"] = "0" // each is sent again after a kill, and counted
	h := newHammer(t, env, 1)
	u := &uploader{t: t, client: h.client, token: h.pairs[0].provider.token}
	n := startNode(t, "0", env)
	u.url.Store(&n.url)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	const clients = 100
	var work sync.WaitGroup
	var acknowledged atomic.Int64
	var mu sync.Mutex
	var digests, submitted []string // all that were acknowledged, and those of products
	for c := range clients {
		work.Go(func() {
			cover := u.upload(ctx, "cover", drawing(239, 160, 10*c), strconv.Itoa(c)+"-cover")
			detail := u.upload(ctx, "detail", drawing(1200, 40, 10*c+1), strconv.Itoa(c)+"-detail")
			spare := u.upload(ctx, "cover", drawing(239, 160, 10*c+2), strconv.Itoa(c)+"-spare")
			acknowledged.Add(3)
			mu.Lock()
			digests = append(digests, cover, detail, spare)
			mu.Unlock()
			if c%2 == 0 {
				return // between upload and submission it thinks for longer than this test
			}
			body := fmt.Sprintf(`{"name":"专线%d","brief":"每周两班","tags":[],"mode":"sea","destination":{"country":"越南","city":"海防",
				"latitude":20.8,"longitude":106.6,"crs":"WGS-84"},"cover":"%s","details":["%s"]}`, c, cover, detail)
			if status, raw := u.send(ctx, "POST", "/api/v1/provider/products", "application/json", strconv.Itoa(c)+"-product", []byte(body)); status != 201 {
				t.Errorf("submit: %d %s", status, raw)
			}
			acknowledged.Add(1)
			mu.Lock()
			submitted = append(submitted, cover, detail)
			mu.Unlock()
		})
	}
	for round := range rounds(4) {
		before := acknowledged.Load()
		if before >= 3*clients {
			break
		}
		eventually(t, "some uploads", func() bool { return acknowledged.Load() >= before+20 || acknowledged.Load() >= 3*clients })
		time.Sleep(rand.N(30 * time.Millisecond)) // anywhere in what follows
		n.kill()
		n = startNode(t, strconv.Itoa(round+1), env)
		u.url.Store(&n.url)
	}
	work.Wait()
	for _, digest := range digests {
		status, raw := u.send(ctx, "GET", "/media/"+digest, "", "", nil)
		if sum := sha256.Sum256(raw); status != 200 || "sha256:"+hex.EncodeToString(sum[:]) != digest {
			t.Errorf("%s: %d, %d bytes", digest, status, len(raw))
		}
	}
	n.interrupt()
	env.catchUp(t)
	agedBy(t, pool, env, 25*time.Hour)
	if out := env.command(t, "media", "collect"); !strings.Contains(out, "removed ") {
		t.Errorf("collect: %s", out)
	}
	left := filesOf(t, env)
	for _, digest := range append(submitted, string(image(media.Licence)), string(image(media.Logo))) {
		if !left[digest] {
			t.Errorf("%s is referred to and was collected", digest)
		}
		delete(left, digest)
	}
	if len(left) > 0 {
		t.Errorf("%d files are left that nothing refers to: %v", len(left), left)
	}
}

// command runs a command of the program and returns what it prints.
func (e environ) command(t testing.TB, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), args, e.get, &out); err != nil {
		t.Errorf("%v: %v\n%s", args, err, out.String())
	}
	return out.String()
}

// catchUp has the read model of images show the whole log, as the next start would.
func (e environ) catchUp(t testing.TB) {
	t.Helper()
	e.command(t, "rebuild", "pictures")
}

// agedBy makes everything that is known of uploads, and their files, older.
func agedBy(t testing.TB, pool *pgxpool.Pool, env environ, by time.Duration) {
	t.Helper()
	for _, statement := range []string{
		`update media.uploads set uploaded_at = uploaded_at - $1::interval, used_at = used_at - $1::interval`,
		`update media.blobs set touched_at = touched_at - $1::interval`,
	} {
		if _, err := pool.Exec(t.Context(), statement, by); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Now().Add(-by)
	walk(t, env, func(path string) {
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	})
}

func walk(t testing.TB, env environ, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(env["WAYBILL_DATA_DIR"], "media"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(e.Name(), "waybill-media-") {
			visit(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var hexName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// filesOf are the digests that have a file; any other file is one under its path.
func filesOf(t testing.TB, env environ) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	walk(t, env, func(path string) {
		if name := filepath.Base(path); hexName.MatchString(name) {
			path = "sha256:" + name
		}
		found[path] = true
	})
	return found
}

// TestMediaCommands: what operators do with images, on a database and a folder of their own.
func TestMediaCommands(t *testing.T) {
	t.Parallel()
	env, _ := onDatabase(t)
	h := newHammer(t, env, 1)
	n := startNode(t, "it", env)
	u := &uploader{t: t, client: h.client, token: h.pairs[0].provider.token}
	u.url.Store(&n.url)
	digest := u.upload(t.Context(), "cover", drawing(239, 160, 1), "one")
	if out := env.command(t, "media", "list", "--account", h.pairs[0].provider.id.String()); !strings.Contains(out, digest) || !strings.Contains(out, "239x160") {
		t.Errorf("list: %s", out)
	}
	if out := env.command(t, "media", "collect"); out != "removed 0 uploads, 0 images and 0 strays\n" {
		t.Errorf("collect: %s", out)
	}
	walk(t, env, func(path string) { // a disk has lost the licence
		if strings.HasSuffix(string(image(media.Licence)), filepath.Base(path)) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	})
	var out bytes.Buffer
	err := run(t.Context(), []string{"media", "verify"}, env.get, &out)
	if err == nil || !strings.Contains(out.String(), "missing  "+string(image(media.Licence))) || strings.Contains(out.String(), digest) {
		t.Errorf("verify: %v\n%s", err, out.String())
	}
	// Another folder is not this database's.
	elsewhere := environ{}
	for k, v := range env {
		elsewhere[k] = v
	}
	elsewhere["WAYBILL_MEDIA"] = "file://" + t.TempDir()
	lost := launchNode(t, "lost", elsewhere)
	<-lost.exited
	if log := lost.log.String(); lost.err == nil || !strings.Contains(log, "is not where this database's images are") {
		t.Errorf("a node with another folder: %v\n%s", lost.err, log)
	}
	elsewhere.command(t, "media", "adopt")
	startNode(t, "moved", elsewhere).interrupt()
	n.interrupt()
}
