package esdbtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// journal keeps the log in a file: a line that names the format, then one frame for each commit. A frame is its length and
// its CRC-32C in four bytes each, little endian, and the entries. It survives the end of the process at any moment, and
// not a power cut: nothing waits for the disk.
type journal struct {
	file   *os.File
	buffer []byte
}

const (
	journalName   = "journal"
	journalFormat = "esdbtest journal 1\n"
	frameHead     = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errJournal = errors.New("the journal is damaged")

// openJournal reads what there is, commit by commit, and gets ready to write behind it. A last frame that was not written
// to its end is cut off; anything else that is wrong is an error, because to go on would lose what follows it.
func openJournal(folder string, logger *slog.Logger, replay func([]entry)) (*journal, error) {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, err
	}
	name := filepath.Join(folder, journalName)
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: file}
	if err = lock(file); err == nil {
		err = j.load(logger, replay)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return j, nil
}

func (j *journal) load(logger *slog.Logger, replay func([]entry)) error {
	info, err := j.file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	in := bufio.NewReaderSize(j.file, 1<<20)
	head := make([]byte, len(journalFormat))
	n, err := io.ReadFull(in, head)
	if err != nil && string(head[:n]) == journalFormat[:n] { // new, or torn at birth
		return j.cut(0, journalFormat)
	}
	if string(head) != journalFormat {
		return errors.New("not a journal of this program")
	}
	at := int64(len(journalFormat))
	for at < size {
		payload, torn, err := readFrame(in, size-at)
		if err != nil {
			return fmt.Errorf("at %d: %w", at, err)
		}
		if torn {
			logger.Warn("a torn record is cut off", "at", at, "bytes", size-at)
			break
		}
		entries, err := decodeEntries(payload)
		if err != nil {
			return fmt.Errorf("at %d: %w", at, err)
		}
		replay(entries)
		at += frameHead + int64(len(payload))
	}
	return j.cut(at, "")
}

// readFrame says torn when the frame reaches to the end of the file or beyond and is not whole.
func readFrame(in io.Reader, left int64) (payload []byte, torn bool, err error) {
	if left < frameHead {
		return nil, true, nil
	}
	var head [frameHead]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, false, err
	}
	length := int64(binary.LittleEndian.Uint32(head[:4]))
	if length > left-frameHead {
		return nil, true, nil
	}
	payload = make([]byte, length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return nil, false, err
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		if length == left-frameHead {
			return nil, true, nil
		}
		return nil, false, errJournal
	}
	return payload, false, nil
}

func (j *journal) cut(at int64, head string) error {
	if err := j.file.Truncate(at); err != nil {
		return err
	}
	if _, err := j.file.Seek(at, io.SeekStart); err != nil {
		return err
	}
	_, err := j.file.WriteString(head)
	return err
}

// write adds one commit. After an error the file ends where it ended before.
func (j *journal) write(entries []entry) error {
	if j == nil {
		return nil
	}
	b := append(j.buffer[:0], make([]byte, frameHead)...)
	b = encodeEntries(b, entries)
	binary.LittleEndian.PutUint32(b[:4], uint32(len(b)-frameHead)) //nolint:gosec // an append is limited to far less
	binary.LittleEndian.PutUint32(b[4:8], crc32.Checksum(b[frameHead:], castagnoli))
	if cap(b) <= 1<<20 {
		j.buffer = b
	}
	at, err := j.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(b); err != nil {
		return errors.Join(err, j.cut(at, ""))
	}
	return nil
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	if err := j.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

const (
	flagJSON   = 1
	flagSystem = 2
)

func encodeEntries(b []byte, entries []entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for _, e := range entries {
		var flags byte
		if e.json {
			flags |= flagJSON
		}
		if e.system {
			flags |= flagSystem
		}
		b = append(append(b, flags), e.id[:]...)
		b = binary.AppendVarint(b, e.revision)
		b = binary.AppendVarint(b, e.created)
		for _, part := range [...]string{e.stream, e.kind} {
			b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
		}
		for _, part := range [...][]byte{e.data, e.metadata} {
			b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
		}
	}
	return b
}

func decodeEntries(b []byte) (entries []entry, err error) {
	d := decoder{b: b}
	for n := d.unsigned(); n > 0 && d.err == nil; n-- {
		flags := d.take(1)
		id := d.take(16)
		if d.err != nil {
			break
		}
		e := entry{revision: d.signed(), created: d.signed()}
		e.id = uuid.UUID(id)
		e.json, e.system = flags[0]&flagJSON != 0, flags[0]&flagSystem != 0
		e.stream, e.kind = string(d.part()), string(d.part())
		e.data, e.metadata = d.part(), d.part()
		entries = append(entries, e)
	}
	if d.err == nil && len(d.b) > 0 {
		d.err = errJournal
	}
	return entries, d.err
}

// decoder reads from the front of b; after the first mistake it reads nothing.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) take(n uint64) []byte {
	if d.err != nil || n > uint64(len(d.b)) {
		d.b, d.err = nil, errJournal
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) part() []byte { return d.take(d.unsigned()) }

func (d *decoder) unsigned() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.err = nil, errJournal
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.b, d.err = nil, errJournal
		return 0
	}
	d.b = d.b[n:]
	return v
}
