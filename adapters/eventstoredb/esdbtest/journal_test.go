package esdbtest

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// What one process wrote the next one has: bytes, positions, ids, metadata, deletions.
func TestDataFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	read := func(s *Server) []string {
		got, err := collect(raw(t, s).Read(deadline(t), allOptions("start")))
		fatal(t, err)
		out := make([]string, len(got))
		for i, m := range got {
			out[i] = m.String()
		}
		return out
	}
	s := Start(t, Options{Data: folder})
	c := client(t, s.ConnectionString())
	e := events(3, "e")
	put(t, c, "s", esdb.NoStream{}, e...)
	put(t, c, "s", esdb.Any{}) // an append of nothing takes room, too
	put(t, c, "deleted", esdb.Any{}, event1("e"))
	remove(t, c, "deleted")
	put(t, c, "ended", esdb.Any{}, event1("e"))
	_, err := c.TombstoneStream(deadline(t), "ended", esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}})
	fatal(t, err)
	setMeta(t, c, "s", func(m *esdb.StreamMetadata) { m.SetMaxCount(2) })
	before := read(s)
	if _, err := New(Options{Data: folder}); err == nil {
		t.Error("two servers on one folder")
	}
	fatal(t, s.Close())

	s = Start(t, Options{Data: folder})
	c = client(t, s.ConnectionString())
	equal(t, "the log", read(s), before)
	testReadStream(t, s, "s", 0, false, 10, "1", "2", "last 2")
	testReadStream(t, s, "deleted", 0, false, 10, "not found")
	if _, err := drain(c.ReadStream(deadline(t), "ended", esdb.ReadStreamOptions{}, 1)); !isCode(err, esdb.ErrorCodeStreamDeleted) {
		t.Error(err)
	}
	if r := put(t, c, "s", esdb.NoStream{}, e...); r.NextExpectedVersion != 2 {
		t.Error("a repeat is recognized")
	}
	if r := put(t, c, "s", esdb.Revision(2), event1("e")); r.NextExpectedVersion != 3 {
		t.Error(r)
	}
}

// A file that ends anywhere has all commits that are whole, each with all of its events, and takes more.
func TestTornJournal(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, journalName)
	open := func() *log {
		l, err := openLog(Options{Data: folder, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
		fatal(t, err)
		return l
	}
	size := func() int64 {
		info, err := os.Stat(name)
		fatal(t, err)
		return info.Size()
	}
	l := open()
	start := size()
	var ends []int64
	for i := range 4 {
		_, err := l.append("s", anyRevision, []event{{kind: "a", id: [16]byte{byte(i), 1}}, {kind: "b", id: [16]byte{byte(i), 2}, data: []byte("data")}})
		fatal(t, err)
		ends = append(ends, size())
	}
	fatal(t, l.close())
	whole, err := os.ReadFile(name)
	fatal(t, err)
	for cut := int64(0); cut < int64(len(whole)); cut++ {
		fatal(t, os.WriteFile(name, whole[:cut], 0o600))
		want := noStream
		for _, end := range ends {
			if cut >= end {
				want += 2
			}
		}
		l := open()
		if got := l.lastRevision("s"); got != want {
			t.Fatalf("cut at %d of %d: last revision %d, want %d", cut, len(whole), got, want)
		}
		if cut < start && l.count() != 3 {
			t.Fatalf("cut at %d: a log that lost its start begins anew", cut)
		}
		if _, err := l.append("s", want, []event{{kind: "more"}}); err != nil {
			t.Fatal(err)
		}
		fatal(t, l.close())
		l = open()
		if got := l.lastRevision("s"); got != want+1 {
			t.Fatalf("cut at %d: after another append the last revision is %d", cut, got)
		}
		fatal(t, l.close())
	}
	// Damage before the end is no torn write: to go on would lose what follows.
	for _, at := range []int64{0, start + 4, ends[0] + 20, ends[1] + 4} {
		damaged := append([]byte(nil), whole...)
		damaged[at] ^= 1
		fatal(t, os.WriteFile(name, damaged, 0o600))
		if l, err := openLog(Options{Data: folder, Clock: time.Now, Logger: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("damage at %d went unnoticed; last revision %d", at, l.lastRevision("s"))
		}
	}
	// The last frame may have its length and not its bytes.
	damaged := append([]byte(nil), whole...)
	damaged[len(damaged)-1] ^= 1
	fatal(t, os.WriteFile(name, damaged, 0o600))
	if l := open(); l.lastRevision("s") != 5 {
		t.Error(l.lastRevision("s"))
	}
}

func TestDecodeEntries(t *testing.T) {
	whole := encodeEntries(nil, []entry{{event: event{kind: "k", data: []byte("d")}, stream: "s", revision: 3, created: 9}})
	for cut := range whole {
		if _, err := decodeEntries(whole[:cut]); err == nil && cut > 0 {
			t.Errorf("cut at %d", cut)
		}
	}
	got, err := decodeEntries(whole)
	if err != nil || len(got) != 1 || fmt.Sprint(got[0].stream, got[0].kind, string(got[0].data), got[0].revision) != "skd3" && got[0].revision != 3 {
		t.Error(got, err)
	}
	if _, err := decodeEntries(append(whole, 0)); err == nil {
		t.Error("more than was written")
	}
}
