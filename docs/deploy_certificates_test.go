package docs

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCertificatesUnderFaults renews, and has a name that all nodes share, as esdb+discover:// needs it.
func TestCertificatesUnderFaults(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("needs openssl")
	}
	eachUser(t, func(t *testing.T, user uint32, umask string) {
		t.Parallel()
		b := bareAs(t, user, umask)
		folder := filepath.Join(b.dir, odd)
		b.must("eventstoredb/certificates.sh", folder, "esdb1.waybill.internal=127.0.0.1,esdb.waybill.internal,fd00::11")
		node := filepath.Join(folder, "esdb1.waybill.internal")
		text, err := exec.Command("openssl", "x509", "-noout", "-text", "-in", filepath.Join(node, "node.crt")).Output()
		const want = "DNS:esdb1.waybill.internal, IP Address:127.0.0.1, DNS:esdb.waybill.internal, IP Address:FD00:0:0:0:0:0:0:11"
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: not %s in\n%s", err, want, text)
		}
		authority, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(authority)
		pair := func() tls.Certificate {
			t.Helper()
			pair, err := tls.LoadX509KeyPair(filepath.Join(node, "node.crt"), filepath.Join(node, "node.key"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"esdb1.waybill.internal", "esdb.waybill.internal", "127.0.0.1", "fd00::11"} {
				if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name}); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			return pair
		}
		first := pair()
		b.must("eventstoredb/certificates.sh", folder, "esdb1.waybill.internal=127.0.0.1,esdb.waybill.internal,fd00::11")
		if second := pair(); second.Leaf.SerialNumber.Cmp(first.Leaf.SerialNumber) == 0 {
			t.Error("not renewed")
		}
		for _, bad := range []string{
			"esdb3.waybill.internal", "=10.20.0.13", "esdb3=", "esdb3=10.20.0.13,", "esdb3=10.20.0.13\nsubjectAltName=DNS:*", "../esdb3=10.20.0.13",
			"esdb3=10.20.0.13,DNS:evil name",
		} {
			b.refused("want host=address", "eventstoredb/certificates.sh", folder, bad)
		}
		letGo := hold(t, folder)
		b.refused("another run", "eventstoredb/certificates.sh", folder, "esdb3=10.20.0.13")
		letGo()
		// A renewal that fails leaves the pair that there was.
		before := pair()
		if err := os.Truncate(filepath.Join(folder, "ca.key"), 10); err != nil {
			t.Fatal(err)
		}
		b.refused("has no new certificate", "eventstoredb/certificates.sh", folder, "esdb1.waybill.internal=127.0.0.1,esdb.waybill.internal,fd00::11")
		if after := pair(); after.Leaf.SerialNumber.Cmp(before.Leaf.SerialNumber) != 0 {
			t.Error("a failed renewal changed the pair")
		}
	})
}

// TestCertificatesAsWritten runs the command of deploy.md, from the top of a checkout.
func TestCertificatesAsWritten(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("needs openssl")
	}
	top, dir := filepath.Join(scratch(t), "checkout"), "docs/deploy/eventstoredb"
	writeFiles(t, top, map[string]string{dir + "/certificates.sh": readFile(t, dir+"/certificates.sh")})
	if err := os.Chmod(filepath.Join(top, dir, "certificates.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	blocks, _ := shellBlocks(readFile(t, "docs/deploy.md"))
	for _, block := range blocks {
		if !strings.Contains(block, "certificates.sh ./certs") {
			continue
		}
		script := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(block), "```sh"), "```")
		cmd := exec.Command("sh", "-eu", "-c", script)
		cmd.Dir, cmd.Env = top, []string{"PATH=/usr/bin:/bin"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if found := names(t, filepath.Join(top, "certs")); len(found) != 6 { // three nodes, the authority, its key and its count
			t.Errorf("made %q", found)
		}
		return
	}
	t.Error("deploy.md does not say how")
}
