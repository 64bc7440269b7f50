package uscc_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/uscc"
)

var (
	a = uuid.MustParse("00000000-0000-4000-8000-00000000000a")
	b = uuid.MustParse("00000000-0000-4000-8000-00000000000b")
)

func TestProcess(t *testing.T) {
	decidertest.Table[uscc.State, uscc.Command]{
		Decider: uscc.Decider,
		Given: map[string][]domain.Event{
			"free":         nil,
			"a's":          {uscc.Reserved{ProviderID: a}},
			"a's for ever": {uscc.Reserved{ProviderID: a}, uscc.Confirmed{ProviderID: a}},
			"taken over":   {uscc.Reserved{ProviderID: a}, uscc.Confirmed{ProviderID: a}, uscc.Reserved{ProviderID: b}},
		},
		When: map[string]uscc.Command{
			"a reserves":            uscc.Reserve{ProviderID: a},
			"b reserves":            uscc.Reserve{ProviderID: b},
			"b reserves, a is gone": uscc.Reserve{ProviderID: b, HolderGone: true},
			"a is approved":         uscc.Confirm{ProviderID: a},
			"b is approved":         uscc.Confirm{ProviderID: b},
			"b is, a is gone":       uscc.Confirm{ProviderID: b, HolderGone: true},
		},
		Then: `
                      | free       | a's        | a's for ever | taken over
a reserves            | reserved   | reserved   | -            | !uscc_taken
b reserves            | reserved   | !uscc_taken | !uscc_taken | reserved
b reserves, a is gone | reserved   | reserved   | reserved     | reserved
a is approved         | !uscc_taken | confirmed | -            | !uscc_taken
b is approved         | !uscc_taken | !uscc_taken | !uscc_taken | confirmed
b is, a is gone       | reserved+confirmed | reserved+confirmed | reserved+confirmed | confirmed
`,
	}.Run(t)
}

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, uscc.Types) }

func TestClean(t *testing.T) {
	for name, test := range map[string]struct{ in, out, want string }{
		"valid":                         {"91350100M000100Y43", "91350100M000100Y43", ""},
		"trimmed and upper-cased":       {" 91350100m000100y43\t", "91350100M000100Y43", ""},
		"wrong check character":         {"91350100M000100Y4Z", "", " bad_uscc"},
		"wrong within the alphabet":     {"91350100M000100Y44", "", " bad_uscc"},
		"two characters changed places": {"91350100M001000Y43", "", " bad_uscc"},
		"missing":                       {"  ", "", " required"},
		"17":                            {"91350100M000100Y4", "", " bad_uscc"},
		"19":                            {"91350100M000100Y430", "", " bad_uscc"},
		"letter O":                      {"9135O100M000100Y43", "", " bad_uscc"},
		"18 bytes, 6 characters":        {"九一三五零一", "", " bad_uscc"},
		"full-width digit":              {"９1350100M000100Y4", "", " bad_uscc"},
	} {
		t.Run(name, func(t *testing.T) {
			var f domain.Fields
			code := test.in
			uscc.Clean(&f, "", &code)
			if got := decidertest.Mistakes(f.Err()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.want == "" && code != test.out {
				t.Errorf("cleaned to %q", code)
			}
		})
	}
}

const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// reference follows the text of GB 32100-2015: weights 1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28.
func reference(body string) int {
	sum := 0
	for i, weight := range []int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28} {
		sum += weight * strings.IndexByte(alphabet, body[i])
	}
	return 31 - sum%31
}

func TestCheckCharacterAgreesWithTheStandardsWeights(t *testing.T) {
	zeros := 0
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), 17, 17, 17).Draw(t, "body")
		want := reference(body)
		if want == 31 { // and so it is that 31 stands for "0"
			want = 0
			zeros++
		}
		if got := uscc.CheckCharacter(body); got != alphabet[want] {
			t.Fatalf("%s: got %c, want %c", body, got, alphabet[want])
		}
	})
	// Random bodies meet the case in 3 of 100; these always do.
	for _, first := range "0123456789ABCDEFGH" {
		for _, last := range alphabet {
			body := string(first) + "1460200MA5T0000" + string(last)
			if reference(body) != 31 {
				continue
			}
			zeros++
			var f domain.Fields
			code := body + "0"
			if uscc.Clean(&f, "", &code); f.Err() != nil {
				t.Errorf("%s is refused", code)
			}
		}
	}
	if zeros < 15 {
		t.Errorf("only %d codes with check character 0 tried", zeros)
	}
}

func TestOneWrongCharacterIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), 17, 17, 17).Draw(t, "body")
		code := []byte(body + string(uscc.CheckCharacter(body)))
		at := rapid.IntRange(0, 17).Draw(t, "at")
		code[at] = rapid.SampledFrom([]byte(strings.Replace(alphabet, string(code[at]), "", 1))).Draw(t, "wrong")
		var f domain.Fields
		wrong := string(code)
		if uscc.Clean(&f, "", &wrong); f.Err() == nil {
			t.Fatalf("%s is accepted", wrong)
		}
	})
}

func TestStreamNamesTellNoCode(t *testing.T) {
	code, other := uscc.Code("91350100M000100Y43"), uscc.Code("91460200MA5T00002W")
	if id := code.StreamID(); id != code.StreamID() || id == other.StreamID() || strings.Contains(id.String(), "9135") {
		t.Errorf("got %s", id)
	}
}
