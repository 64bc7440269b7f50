package intake_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

// profileIn is the ICC profile of a stored image.
func profileIn(t *testing.T, file []byte) []byte {
	t.Helper()
	if _, rest, ok := bytes.Cut(file, []byte("ICC_PROFILE\x00\x01\x01")); ok {
		return rest[:binary.BigEndian.Uint32(rest)]
	}
	_, rest, ok := bytes.Cut(file, []byte("iCCPICC\x00\x00"))
	if !ok {
		t.Fatal("no profile")
	}
	r, err := zlib.NewReader(bytes.NewReader(rest))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestProfiles: of an ICC profile stays what turns numbers into colours, in a profile that is whole.
func TestProfiles(t *testing.T) {
	t.Parallel()
	old := profile("RGB ", "mntr")
	edit := func(at int, with string) string { return old[:at] + with + old[at+len(with):] }
	at := func(tag string) int { return strings.Index(old, tag) } // of its entry
	value := func(tag string) int { return int(binary.BigEndian.Uint32([]byte(old[at(tag)+4:]))) }
	four := strings.Replace(old, "\x02\x40\x00\x00mntr", "\x04\x30\x00\x00mntr", 1)
	for name, c := range map[string]struct {
		profile string
		kept    bool
	}{
		"of a screen":                 {old, true},
		"of version 4":                {four, true},
		"without a white point":       {edit(at("wtpt"), "wxyz"), true},
		"of a printer":                {edit(12, "prtr"), false},
		"of CMYK":                     {edit(16, "CMYK"), false},
		"that leads to Lab":           {edit(20, "Lab "), false},
		"without its mark":            {edit(36, "ACSP"), false},
		"of version 5":                {edit(8, "\x05"), false},
		"without red":                 {edit(at("rXYZ"), "xXYZ"), false},
		"without a curve":             {edit(at("gTRC"), "xTRC"), false},
		"a value beyond its end":      {edit(at("rXYZ")+4, "\x7f\xff\xff\xff"), false},
		"a curve that falls":          {edit(value("rTRC")+40, "\xff\xff"), false},
		"a curve longer than it is":   {edit(value("rTRC")+8, "\x00\x00\x08\x00"), false},
		"a curve without an end":      {edit(value("rTRC")+8, "\xff\xff\xff\xff"), false},
		"a formula that is none":      {edit(value("bTRC")+8, "\x00\x09"), false},
		"a colour of an unknown type": {edit(value("rXYZ"), "text"), false},
		"too many tags":               {edit(128, "\xff\xff\xff\xff"), true},
		"no tags":                     {edit(128, "\x00\x00\x00\x00"), false},
		"only a header":               {old[:131], false},
		"a long one":                  {old + strings.Repeat("x", 64_000), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := take(t, afterHeader(pngOf(t, photo(9, 9)), iccChunk(c.profile)), anything)
			if err != nil {
				t.Fatal(err)
			}
			if kept := bytes.Contains(r.Bytes, []byte("iCCP")); kept != c.kept {
				t.Fatalf("kept: %t, want %t", kept, c.kept)
			}
			if !c.kept {
				return
			}
			got := profileIn(t, r.Bytes)
			if int(binary.BigEndian.Uint32(got)) != len(got) || len(got)%4 != 0 {
				t.Errorf("its length is %d, it says %d", len(got), binary.BigEndian.Uint32(got))
			}
			var names []string
			for i := range int(binary.BigEndian.Uint32(got[128:])) {
				entry := got[132+12*i:]
				names = append(names, string(entry[:4]))
				from, n := binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:])
				kept := string(got[from : from+n])
				if i := strings.Index(c.profile, names[i]); !strings.Contains("desc cprt wtpt", names[len(names)-1]) {
					from, n := binary.BigEndian.Uint32([]byte(c.profile[i+4:])), binary.BigEndian.Uint32([]byte(c.profile[i+8:]))
					if kept != c.profile[from:from+n] {
						t.Errorf("%s changed", names[len(names)-1])
					}
				}
			}
			if said := strings.Join(names, " "); said != "desc cprt rXYZ gXYZ bXYZ rTRC gTRC bTRC wtpt" {
				t.Errorf("its tags are %s", said)
			}
		})
	}
}
