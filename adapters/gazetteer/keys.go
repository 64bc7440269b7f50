package gazetteer

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// The kinds of keys, the best first.
const (
	keyMain     uint8 = iota // the name that is shown, in either language, and the Chinese one in pinyin
	keyOther                 // any other name
	keyInitials              // the initials of a pinyin
)

// key is a folded name of a place.
type key struct {
	at, place uint32
	size, of  uint8
}

// builder collects the keys.
type builder struct {
	unsorted []sortable
	text     []byte
	place    uint32
	names    strings.Builder
}

// sortable is a key with its first eight bytes, which decide nearly every comparison.
type sortable struct {
	begins uint64
	key
}

// add adds a name of the place.
func (b *builder) add(name string, of uint8) {
	at := len(b.text)
	b.text = appendFold(b.text, name)
	b.end(at, of)
}

// addInitials adds the first letters of syllables.
func (b *builder) addInitials(pinyin string) {
	at := len(b.text)
	for i := range len(pinyin) {
		if i == 0 || pinyin[i-1] == ' ' {
			b.text = append(b.text, pinyin[i])
		}
	}
	b.end(at, keyInitials)
}

// end makes a key of what was added to the text, unless it is nothing, or a single initial.
func (b *builder) end(at int, of uint8) {
	folded := b.text[at:]
	const longest = 1<<8 - 1
	if len(folded) == 0 || len(folded) > longest || (of == keyInitials && len(folded) == 1) {
		b.text = b.text[:at]
		return
	}
	var first [8]byte
	copy(first[:], folded)
	b.unsorted = append(b.unsorted, sortable{
		begins: binary.BigEndian.Uint64(first[:]),
		key:    key{at: uint32(at), size: uint8(len(folded)), of: of, place: b.place}, //nolint:gosec // some megabytes
	})
}

// sorted are the keys in order, each name of a place once, as the best that it is, and their texts, each once.
func (b *builder) sorted() ([]key, string) {
	of := func(k key) []byte { return b.text[k.at : k.at+uint32(k.size)] }
	slices.SortFunc(b.unsorted, func(x, y sortable) int {
		if x.begins != y.begins {
			return cmp.Compare(x.begins, y.begins)
		}
		if x.size > 8 || y.size > 8 {
			if c := bytes.Compare(of(x.key), of(y.key)); c != 0 {
				return c
			}
		} else if x.size != y.size {
			return cmp.Compare(x.size, y.size)
		}
		return cmp.Or(cmp.Compare(x.place, y.place), cmp.Compare(x.of, y.of))
	})
	keys := make([]key, 0, len(b.unsorted))
	var text strings.Builder
	text.Grow(len(b.text))
	for _, s := range b.unsorted {
		if n := len(keys); n > 0 {
			last := keys[n-1]
			if text.String()[last.at:last.at+uint32(last.size)] == string(of(s.key)) {
				if last.place != s.place {
					keys = append(keys, key{at: last.at, size: last.size, of: s.of, place: s.place})
				}
				continue
			}
		}
		at := uint32(text.Len()) //nolint:gosec // some megabytes
		text.Write(of(s.key))
		keys = append(keys, key{at: at, size: s.size, of: s.of, place: s.place})
	}
	return slices.Clone(keys), strings.Clone(text.String())
}
