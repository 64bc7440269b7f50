package api

import (
	"math"
	"slices"
	"strings"
	"testing"

	"waybill/projections/listing"
)

// boxes are what a bbox may look like, and what becomes of it: a box, or the codes of its mistakes.
var boxes = map[string]struct {
	box   listing.Box
	wrong string
}{
	"-180,-90,180,90":         {box: listing.World},
	"105,-10,155,25":          {box: listing.Box{West: 105, South: -10, East: 155, North: 25}},
	" 105 , -10.50,+155.,.25": {box: listing.Box{West: 105, South: -10.5, East: 155, North: .25}},
	"170,-30,-170,10":         {box: listing.Box{West: 170, South: -30, East: -170, North: 10}},
	"180,0,-170,10":           {box: listing.Box{West: -180, South: 0, East: -170, North: 10}},
	"170,0,-180,10":           {box: listing.Box{West: 170, South: 0, East: 180, North: 10}},
	"10,-90,9,90":             {box: listing.Box{West: 10, South: -90, East: 9, North: 90}},
	"0,89.99,1,90":            {box: listing.Box{West: 0, South: 89.99, East: 1, North: 90}},
	"0,0,1e-7,1":              {box: listing.Box{West: 0, South: 0, East: 0.0000001, North: 1}}, // as JavaScript writes it
	"0,0,0.0000001,1":         {box: listing.Box{West: 0, South: 0, East: 0.0000001, North: 1}},

	"":                  {wrong: "bad_bbox"},
	"1,2,3":             {wrong: "bad_bbox"},
	"1,2,3,4,5":         {wrong: "bad_bbox"},
	"1;2;3;4":           {wrong: "bad_bbox"},
	"1,2,3,":            {wrong: "bad_bbox"},
	"a,b,c,d":           {wrong: "bad_bbox bad_bbox bad_bbox bad_bbox"},
	"NaN,0,1,1":         {wrong: "bad_bbox"},
	"0,0,inf,1":         {wrong: "bad_bbox"},
	"-Infinity,0,1,1":   {wrong: "bad_bbox"},
	"0,0,1e1,1":         {wrong: "bad_bbox"},
	"0x10,0,20,1":       {wrong: "bad_bbox"},
	"1_0,0,20,1":        {wrong: "bad_bbox"},
	"１０,0,20,1":         {wrong: "bad_bbox"},
	"--1,0,1,1":         {wrong: "bad_bbox"},
	".,0,1,1":           {wrong: "bad_bbox"},
	"0,0,1000,1":        {wrong: "bad_bbox"},
	"-180.1,0,180,1":    {wrong: "out_of_range"},
	"0,0,190,1":         {wrong: "out_of_range"},
	"-190,-91,190,91":   {wrong: "out_of_range out_of_range"},
	"0,10,1,-10":        {wrong: "empty_bbox"},
	"0,10,1,10":         {wrong: "empty_bbox"},
	"5,0,5,10":          {wrong: "empty_bbox"},
	"-180,0,-180,10":    {box: listing.Box{West: -180, South: 0, East: 180, North: 10}},
	"180,0,180,10":      {box: listing.Box{West: -180, South: 0, East: 180, North: 10}},
	"7,7,7,7":           {wrong: "empty_bbox empty_bbox"},
	"110.5,18,109.5,17": {wrong: "empty_bbox"},
}

func TestParseBox(t *testing.T) {
	for s, want := range boxes {
		box, mistakes := parseBox("bbox", s)
		var codes []string
		for _, m := range mistakes {
			if codes = append(codes, m.Code); m.Pointer != "bbox" || m.Text.ZH == "" || m.Text.EN == "" {
				t.Errorf("%q: %+v", s, m)
			}
		}
		if got := strings.Join(codes, " "); got != want.wrong || want.wrong == "" && box != want.box {
			t.Errorf("%q: %+v %q, want %+v %q", s, box, got, want.box, want.wrong)
		}
	}
}

// FuzzParseBox: whatever is sent is refused with a code that is explained, or a box on the earth with some area.
func FuzzParseBox(f *testing.F) {
	for s := range boxes {
		f.Add(s)
	}
	known := []string{"bad_bbox", "out_of_range", "empty_bbox"}
	f.Fuzz(func(t *testing.T, s string) {
		b, mistakes := parseBox("bbox", s)
		for _, m := range mistakes {
			if !slices.Contains(known, m.Code) {
				t.Errorf("%q: %s", s, m.Code)
			}
		}
		for _, n := range []float64{b.West, b.South, b.East, b.North} {
			if len(mistakes) == 0 && !(math.Abs(n) <= 180) {
				t.Errorf("%q: %+v", s, b)
			}
		}
		if len(mistakes) == 0 && (b.South >= b.North || b.West == b.East || b.South < -90 || b.North > 90) {
			t.Errorf("%q: %+v", s, b)
		}
	})
}
