package docs

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// hold takes the lock of a folder of backups as a run of the script does, until it is let go.
func hold(t *testing.T, folder string) (letGo func()) {
	t.Helper()
	lock, err := os.Open(filepath.Join(folder, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { _ = lock.Close() }
}

// own makes files below a folder that belong to the user of b.
func (b *bare) own(folder string, files map[string]string) {
	b.t.Helper()
	writeFiles(b.t, folder, files)
	err := filepath.Walk(folder, func(path string, _ os.FileInfo, err error) error {
		b.give(path)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func expect(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func addressed(content string) string {
	sum := sha256.Sum256([]byte(content))
	name := hex.EncodeToString(sum[:])
	return "sha256/" + name[:2] + "/" + name
}

// TestBackupOfImagesUnderFaults backs images up and restores them after damage, of either side.
func TestBackupOfImagesUnderFaults(t *testing.T) {
	t.Parallel()
	eachUser(t, func(t *testing.T, user uint32, umask string) {
		b := bareAs(t, user, umask)
		media, backup := filepath.Join(b.dir, "images "+odd), filepath.Join(b.dir, "backup "+odd)
		files := map[string]string{"waybill-media-identity": "one\n", addressed("a"): "a", addressed("b"): "b", addressed("c"): "c"}
		b.own(media, files)
		b.own(backup, map[string]string{addressed("collected since") + ".partial": "coll"})
		b.must("media/backup.sh", media, backup)
		expect(t, backup, files)
		if _, err := os.Stat(filepath.Join(backup, addressed("collected since")+".partial")); err == nil {
			t.Error("what a run that failed had left is still there")
		}
		letGo := hold(t, backup)
		b.refused("another run", "media/backup.sh", media, backup)
		letGo()
		b.refused("in the folder of the images itself", "media/backup.sh", media, media)
		b.refused("in the folder of the images itself", "media/backup.sh", media, filepath.Join(media, "backup"))
		b.refused("no store of images", "media/backup.sh", filepath.Join(b.dir, "not mounted"), backup)

		// One is torn, one is gone, and one is damaged in the backup, which a restore must not spread.
		b.own(media, map[string]string{addressed("a"): "torn"})
		b.own(backup, map[string]string{addressed("c"): "rotten"})
		for _, lost := range []string{"b", "c"} {
			if err := os.Remove(filepath.Join(media, addressed(lost))); err != nil {
				t.Fatal(err)
			}
		}
		b.refused("1 images are damaged in the backup", "media/restore.sh", backup, media)
		expect(t, media, map[string]string{addressed("a"): "a", addressed("b"): "b"})
		if _, err := os.Stat(filepath.Join(media, addressed("c"))); err == nil {
			t.Error("a damaged image was put back")
		}
		b.own(backup, map[string]string{addressed("c"): "c"})
		b.must("media/restore.sh", backup, media)
		expect(t, media, files)
		b.own(backup, map[string]string{"waybill-media-identity": "two\n"})
		b.refused("another store", "media/restore.sh", backup, media)
	})
	t.Run("disk full", func(t *testing.T) {
		b := bareAs(t, 0, "022")
		large := strings.Repeat("x", 3<<20)
		media, backup := filepath.Join(b.dir, "media"), filepath.Join(b.dir, "backup")
		files := map[string]string{"waybill-media-identity": "one\n", addressed(large): large}
		b.own(media, files)
		small(t, backup, 2)
		b.refused("was not copied", "media/backup.sh", media, backup)
		if left, err := filepath.Glob(filepath.Join(backup, "sha256", "*", "*")); err != nil || left != nil {
			t.Errorf("left %q, %v", left, err)
		}
		roomy := filepath.Join(b.dir, "roomy")
		b.must("media/backup.sh", media, roomy)
		b.refused("was not put back", "media/restore.sh", roomy, backup)
		if left, err := filepath.Glob(filepath.Join(backup, "sha256", "*", "*")); err != nil || left != nil {
			t.Errorf("left %q, %v", left, err)
		}
	})
}

// TestBackupOfEventStoreFilesUnderFaults backs up files named as the server's.
func TestBackupOfEventStoreFilesUnderFaults(t *testing.T) {
	t.Parallel()
	data := map[string]string{"chaser.chk": "chaser", "writer.chk": "writer", "chunk-000000.000000": strings.Repeat("log", 1<<20)}
	index := map[string]string{"indexmap": "map", "stream-existence/streamExistenceFilter.chk": "position"}
	eachUser(t, func(t *testing.T, user uint32, umask string) {
		b := bareAs(t, user, umask)
		b.own(b.dir+"/data "+odd, data)
		b.own(b.dir+"/index "+odd, index)
		backups := b.dir + "/backups " + odd
		b.own(backups, map[string]string{"20260101T000000Z.partial/data/chaser.chk": "half", "20260101T000001Z/data/chaser.chk": "old"})
		out, said, err := b.run("eventstoredb/backup.sh", b.dir+"/data "+odd, b.dir+"/index "+odd, backups)
		backup := strings.TrimSuffix(out, "\n")
		if err != nil || !strings.Contains(said, "removed "+backups+"/20260101T000000Z.partial") {
			t.Fatalf("%v\n%s%s", err, out, said)
		}
		again := b.must("eventstoredb/backup.sh", b.dir+"/data "+odd, b.dir+"/index "+odd, backups)
		letGo := hold(t, backups)
		b.refused("another run", "eventstoredb/backup.sh", b.dir+"/data "+odd, b.dir+"/index "+odd, backups)
		letGo()
		b.refused("where is the index", "eventstoredb/backup.sh", b.dir+"/data "+odd, b.dir+"/not mounted", backups)
		b.refused("is missing", "eventstoredb/backup.sh", b.dir+"/not mounted", b.dir+"/index "+odd, backups)
		if found := names(t, backups); !slices.Equal(found, []string{"20260101T000001Z", filepath.Base(backup), filepath.Base(strings.TrimSpace(again))}) {
			t.Errorf("in the folder are %q", found)
		}

		b.env = []string{"OWNER=" + strconv.Itoa(int(b.user))}
		if os.Geteuid() != 0 {
			b.env = nil
		}
		b.must("eventstoredb/restore.sh", backup, b.dir+"/new data "+odd, b.dir+"/new index "+odd)
		expect(t, b.dir+"/new data "+odd, data)
		expect(t, b.dir+"/new data "+odd, map[string]string{"truncate.chk": "chaser"})
		expect(t, b.dir+"/new index "+odd, index)
		b.refused("is not empty", "eventstoredb/restore.sh", backup, b.dir+"/new data "+odd, b.dir+"/new index "+odd)
		b.refused("is no backup", "eventstoredb/restore.sh", backups+"/20260101T000001Z", b.dir+"/x", b.dir+"/y")
		if err := os.Truncate(backup+"/data/chunk-000000.000000", 5); err != nil {
			t.Fatal(err)
		}
		b.refused("is damaged", "eventstoredb/restore.sh", backup, b.dir+"/x", b.dir+"/y")
		b.env = []string{"OWNER=nobody-of-this-name"}
		b.refused("who is the server's user", "eventstoredb/restore.sh", strings.TrimSpace(again), b.dir+"/x", b.dir+"/y")
	})
	t.Run("disk full", func(t *testing.T) {
		b := bareAs(t, 0, "022", "OWNER=0")
		b.own(b.dir+"/data", data)
		b.own(b.dir+"/index", index)
		small(t, b.dir+"/full", 2)
		b.folder("full/20260101T000000Z")
		b.refused("the log was not copied", "eventstoredb/backup.sh", b.dir+"/data", b.dir+"/index", b.dir+"/full")
		if found := names(t, b.dir+"/full"); !slices.Equal(found, []string{"20260101T000000Z"}) {
			t.Errorf("left %q", found)
		}
		backup := strings.TrimSpace(b.must("eventstoredb/backup.sh", b.dir+"/data", b.dir+"/index", b.dir+"/roomy"))
		b.refused("the log could not be copied", "eventstoredb/restore.sh", backup, b.dir+"/full/data", b.dir+"/full/index")
		if found := append(names(t, b.dir+"/full/data"), names(t, b.dir+"/full/index")...); found != nil {
			t.Errorf("left %q", found)
		}
		if out := b.must("eventstoredb/restore.sh", backup, b.dir+"/room/data", b.dir+"/room/index"); !strings.Contains(out, "start the node") {
			t.Error(out)
		}
	})
}
