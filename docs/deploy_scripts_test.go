package docs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sh runs a script of docs/deploy and answers what it wrote.
func sh(t testing.TB, env []string, script string, args ...string) (string, error) {
	t.Helper()
	path, err := filepath.Abs(repository + "docs/deploy/" + script)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{path}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestScriptsParse(t *testing.T) {
	t.Parallel()
	check := func(path string) error { return exec.Command("sh", "-n", path).Run() }
	for _, name := range filesBelow(t, "docs/deploy", ".sh") {
		if err := check(repository + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if text := readFile(t, name); !strings.HasPrefix(text, "#!/bin/sh\n") || !strings.Contains(text, "\nset -eu\n") {
			t.Errorf("%s: no sh, or goes on after a failure", name)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.sh")
	writeFiles(t, filepath.Dir(bad), map[string]string{"bad.sh": "if true; then\n"})
	if check(bad) == nil {
		t.Error("a broken script is not noticed")
	}
}

// certificates makes those of three nodes, or skips the test where there is no openssl.
func certificates(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("needs openssl")
	}
	dir := t.TempDir()
	args := []string{dir, "esdb1.waybill.internal=127.0.0.1", "esdb2.waybill.internal=10.20.0.12"}
	if out, err := sh(t, nil, "eventstoredb/certificates.sh", args...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	dir := certificates(t)
	first, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(first) {
		t.Fatal("no authority")
	}
	for _, node := range []string{"esdb1.waybill.internal", "esdb2.waybill.internal"} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, node, "node.crt"), filepath.Join(dir, node, "node.key"))
		if err != nil {
			t.Fatal(err)
		}
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} { // clients; other nodes
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: node, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
				t.Errorf("%s: %v", node, err)
			}
		}
		if pair.Leaf.Subject.CommonName != "eventstoredb-node" {
			t.Errorf("%s is called %s; nodes must all be called the same", node, pair.Leaf.Subject.CommonName)
		}
		if info, err := os.Stat(filepath.Join(dir, node, "node.key")); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: others can read the key", node)
		}
	}
	serveTLS(t, dir, pool)
	if out, err := sh(t, nil, "eventstoredb/certificates.sh", dir, "esdb3.waybill.internal=10.20.0.13"); err != nil {
		t.Errorf("one more node: %v\n%s", err, out)
	}
	if again, err := os.ReadFile(filepath.Join(dir, "ca.crt")); err != nil || string(again) != string(first) {
		t.Errorf("one more node made another authority: %v", err)
	}
}

// serveTLS has a server and a client shake hands, each with a node's certificate as nodes do.
func serveTLS(t *testing.T, dir string, pool *x509.CertPool) {
	t.Helper()
	load := func(node string) tls.Certificate {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, node, "node.crt"), filepath.Join(dir, node, "node.key"))
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	near, far := net.Pipe()
	server := tls.Server(far, &tls.Config{
		Certificates: []tls.Certificate{load("esdb1.waybill.internal")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	})
	client := tls.Client(near, &tls.Config{
		Certificates: []tls.Certificate{load("esdb2.waybill.internal")}, RootCAs: pool, ServerName: "esdb1.waybill.internal",
	})
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Errorf("client: %v", err)
	}
	if err := <-done; err != nil {
		t.Errorf("server: %v", err)
	}
}

func writeFiles(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// watchedCopies puts a cp before the real one that also writes down what it copies.
func watchedCopies(t *testing.T) (env []string, copied func() []string) {
	t.Helper()
	real, err := exec.LookPath("cp")
	if err != nil {
		t.Skip("needs cp")
	}
	dir := t.TempDir()
	list := filepath.Join(dir, "copied")
	script := "#!/bin/sh\nfor a in \"$@\"; do case $a in ./*) echo \"$a\" >> " + list + ";; esac; done\nexec " + real + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "cp"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, func() []string {
		b, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(b))
	}
}

// TestEventStoreBackup backs up files named as the server's, and restores them.
func TestEventStoreBackup(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("needs sha256sum")
	}
	dir := t.TempDir()
	data := map[string]string{
		"chaser.chk": "chaser", "writer.chk": "writer", "epoch.chk": "epoch", "proposal.chk": "proposal", "truncate.chk": "old",
		"chunk-000000.000002": "zero", "chunk-000001.000000": "one",
	}
	index := map[string]string{
		"indexmap": "map", "5a1a8395-94ee-40c1-bf93-aa757b5887f8": "table", "5a1a8395-94ee-40c1-bf93-aa757b5887f8.bloomfilter": "bloom",
		"stream-existence/streamExistenceFilter.chk": "position", "stream-existence/streamExistenceFilter.dat": "filter",
	}
	writeFiles(t, dir+"/data", data)
	writeFiles(t, dir+"/index", index)
	env, copied := watchedCopies(t)
	out, err := sh(t, env, "eventstoredb/backup.sh", dir+"/data", dir+"/index", dir+"/backups")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	backup := strings.TrimSpace(out)
	var order []string
	for _, name := range copied() {
		kind := map[bool]string{true: "chunks", false: "index"}[strings.HasPrefix(name, "./chunk-")]
		if strings.HasSuffix(name, ".chk") {
			kind = map[bool]string{true: "index checkpoints", false: "checkpoints"}[strings.Contains(name, "stream-existence")]
		}
		if len(order) == 0 || order[len(order)-1] != kind {
			order = append(order, kind)
		}
	}
	if want := []string{"index checkpoints", "index", "checkpoints", "chunks"}; !slices.Equal(order, want) {
		t.Errorf("copied %q, want %q", order, want)
	}

	owner := []string{"OWNER=" + strconv.Itoa(os.Getuid())}
	if out, err := sh(t, owner, "eventstoredb/restore.sh", backup, dir+"/data", dir+"/index"); err == nil {
		t.Errorf("restored over a node's files: %s", out)
	}
	if out, err := sh(t, owner, "eventstoredb/restore.sh", backup, dir+"/new/data", dir+"/new/index"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data["truncate.chk"] = "chaser"
	for below, files := range map[string]map[string]string{"data": data, "index": index} {
		for name, want := range files {
			if got, err := os.ReadFile(filepath.Join(dir, "new", below, name)); err != nil || string(got) != want {
				t.Errorf("%s/%s: %q %v, want %q", below, name, got, err, want)
			}
		}
	}
	writeFiles(t, backup, map[string]string{"data/chunk-000000.000002": "zerO"})
	if out, err := sh(t, owner, "eventstoredb/restore.sh", backup, dir+"/third/data", dir+"/third/index"); err == nil {
		t.Errorf("restored a damaged backup: %s", out)
	}
	if err := os.Rename(backup, backup+".partial"); err != nil {
		t.Fatal(err)
	}
	if out, err := sh(t, owner, "eventstoredb/restore.sh", backup+".partial", dir+"/fourth/data", dir+"/fourth/index"); err == nil {
		t.Errorf("restored half a backup: %s", out)
	}
	if out, err := sh(t, nil, "eventstoredb/backup.sh", dir+"/index", dir+"/data", dir+"/backups"); err == nil {
		t.Errorf("backed up the index for the data: %s", out)
	}
}

// TestMediaBackup: what is copied, added to, refused and put back.
func TestMediaBackup(t *testing.T) {
	t.Parallel()
	media, backup, restored := t.TempDir(), filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	if out, err := sh(t, nil, "media/backup.sh", media, backup); err == nil || !strings.Contains(out, "no store of images") {
		t.Errorf("an empty folder: %v\n%s", err, out)
	}
	image := func(content string) string {
		sum := sha256.Sum256([]byte(content))
		name := hex.EncodeToString(sum[:])
		return "sha256/" + name[:2] + "/" + name
	}
	writeFiles(t, media, map[string]string{
		"waybill-media-identity": "one\n", image("a"): "a", image("b"): "b", image("c") + ".18ab.tmp": "c", "box/239x160/aa/x": "thumbnail",
	})
	run := func(script string, args ...string) {
		t.Helper()
		if out, err := sh(t, nil, script, args...); err != nil {
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
	}
	run("media/backup.sh", media, backup)
	// One was collected since, and one came: the backup keeps the one, and gets the other.
	if err := os.Remove(filepath.Join(media, image("a"))); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, media, map[string]string{image("d"): "d"})
	run("media/backup.sh", media, backup)
	writeFiles(t, restored, map[string]string{image("b"): "torn"})
	run("media/restore.sh", backup, restored)
	for name, want := range map[string]string{image("a"): "a", image("b"): "b", image("d"): "d", "waybill-media-identity": "one\n"} {
		if got, err := os.ReadFile(filepath.Join(restored, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	found, err := filepath.Glob(filepath.Join(restored, "*", "*", "*"))
	if err != nil || len(found) != 3 {
		t.Errorf("restored %v, %v", found, err)
	}
	writeFiles(t, media, map[string]string{image("e"): "damaged"})
	if out, err := sh(t, nil, "media/backup.sh", media, backup); err == nil || !strings.Contains(out, "is damaged") {
		t.Errorf("a damaged one: %v\n%s", err, out)
	}
	writeFiles(t, media, map[string]string{"waybill-media-identity": "two\n"})
	if out, err := sh(t, nil, "media/backup.sh", media, backup); err == nil || !strings.Contains(out, "another store") {
		t.Errorf("another store: %v\n%s", err, out)
	}
}

// TestMediaBackupOfWhatCannotBeCopied: an image that is not in the backup is a failure, unless it was collected; folders may be relative.
func TestMediaBackupOfWhatCannotBeCopied(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sum := sha256.Sum256([]byte("a"))
	image := "sha256/" + hex.EncodeToString(sum[:])[:2] + "/" + hex.EncodeToString(sum[:])
	writeFiles(t, dir, map[string]string{"media/waybill-media-identity": "one\n", "media/" + image: "a"})
	run := func(script string, args ...string) (string, error) {
		path, err := filepath.Abs(repository + "docs/deploy/media/" + script)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("sh", append([]string{path}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	// Nobody can write where a folder stands.
	blocked := filepath.Join(dir, "backup", image+".partial")
	if err := os.MkdirAll(filepath.Join(blocked, filepath.Base(image)), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := run("backup.sh", "media", "backup"); err == nil || !strings.Contains(out, "was not copied") {
		t.Errorf("an image that was not copied: %v\n%s", err, out)
	}
	if err := os.RemoveAll(blocked); err != nil {
		t.Fatal(err)
	}
	for _, step := range [][]string{{"backup.sh", "media", "backup"}, {"restore.sh", "backup", "restored"}} {
		if out, err := run(step[0], step[1:]...); err != nil {
			t.Fatalf("%v: %v\n%s", step, err, out)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "restored", image)); err != nil || string(got) != "a" {
		t.Errorf("restored: %q, %v", got, err)
	}
}
