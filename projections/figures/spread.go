package figures

import (
	"encoding/binary"
	"errors"
	"slices"
)

// minutesOf is an array of integers as the database sends it, in binary; it is valid until the next row is read.
type minutesOf []byte

var errNoArray = errors.New("figures: not an array in binary")

// elements are those of an array, of so many bytes each, one after the other with their lengths before them.
func elements(raw []byte, width int) ([]byte, error) {
	const header = 20 // dimensions, nulls, type, length, lower bound
	switch {
	case len(raw) == 0 || len(raw) == 12: // null, and empty
		return nil, nil
	case len(raw) < header || binary.BigEndian.Uint32(raw) != 1 || (len(raw)-header)%(4+width) != 0:
		return nil, errNoArray
	}
	return raw[header:], nil
}

// appendMinutes adds those of an array. (pgx would decode them one by one by way of an interface, and a year has a million.)
func appendMinutes(to []int32, raw minutesOf) ([]int32, error) {
	all, err := elements(raw, 4)
	to = slices.Grow(to, len(all)/8)
	for ; len(all) > 0; all = all[8:] {
		to = append(to, int32(binary.BigEndian.Uint32(all[4:]))) //nolint:gosec // it was one
	}
	return to, err
}

// values are minutes that were counted, and those of them that were taken back.
type values struct {
	in, out []int32
	err     error
}

func (v *values) add(in, out minutesOf) {
	for of, raw := range map[*[]int32]minutesOf{&v.in: in, &v.out: out} {
		var err error
		if *of, err = appendMinutes(*of, raw); err != nil {
			v.err = err
		}
	}
}

// spread is that of what is left.
func (v *values) spread() Spread {
	n := len(v.in) - len(v.out)
	if n <= 0 {
		return Spread{}
	}
	if most := int(slices.Max(v.in)); most <= 8*len(v.in) {
		return v.counted(n, most)
	}
	slices.Sort(v.in)
	slices.Sort(v.out)
	left, out := v.in[:0:0], v.out
	for _, value := range v.in {
		if len(out) > 0 && out[0] == value {
			out = out[1:]
			continue
		}
		left = append(left, value)
	}
	return Spread{N: n, Median: int(left[rank(n, 50)-1]), P90: int(left[rank(n, 90)-1])}
}

// counted is spread of values that are many for how large they are.
func (v *values) counted(n, most int) Spread {
	counts := make([]int, most+1)
	for _, value := range v.in {
		counts[value]++
	}
	for _, value := range v.out {
		counts[value]--
	}
	s, seen := Spread{N: n, Median: -1, P90: -1}, 0
	for value, count := range counts {
		if seen += count; s.Median < 0 && seen >= rank(n, 50) {
			s.Median = value
		}
		if seen >= rank(n, 90) {
			s.P90 = value
			break
		}
	}
	return s
}

// rank is the least number of values that are so many percent of all.
func rank(n, percent int) int { return (n*percent + 99) / 100 }
