package rules_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/rules"
)

// FuzzText: whatever is typed, what is let through is clean, within its limits and fit to be shown, and would be let through again; what
// is refused is refused in the book's words. Of every field that is one text, and of tags.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"", "三亚海丰国际物流有限公司", " 　\u200b", "a\r\nb", "e\u0301", "\u202eabc", "👨‍👩‍👧", "91350100m000100y43", "０８９８－８８２７０００１",
		"+86 138-0013-8000", "\x00", "\xff\xfe", strings.Repeat("字", 301), "𠮷\ufe00", "葛\U000e0100", "400 800 8888",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for _, form := range forms() {
			for _, field := range form.Fields {
				switch field.Kind {
				case rules.Text, rules.Textarea, rules.Place, rules.PhoneNumber:
					checkText(t, &field, typed)
				case rules.Tags:
					checkTags(t, &field, typed)
				}
			}
		}
	})
}

func checkText(t *testing.T, field *rules.Field, typed string) {
	t.Helper()
	judge := func(value string) (string, error) {
		var sheet rules.Sheet
		sheet.Value(field, &value, "")
		_, err := sheet.Close()
		return value, err
	}
	once, err := judge(typed)
	if err != nil {
		inTheBooksWords(t, field, err)
		return
	}
	if twice, err := judge(once); twice != once || err != nil {
		t.Fatalf("%s: %q becomes %q, and that %q (%v)", field.Pointer, typed, once, twice, err)
	}
	switch {
	case once == "" || !utf8.ValidString(once) || domain.Unprintable(once) || once != domain.CleanText(once):
		t.Fatalf("%s lets %q through", field.Pointer, once)
	case utf8.RuneCountInString(once) > field.Counter:
		t.Fatalf("%s lets %d code points through", field.Pointer, utf8.RuneCountInString(once))
	case field.Kind != rules.Textarea && strings.Contains(once, "\n"):
		t.Fatalf("%s lets lines through: %q", field.Pointer, once)
	}
}

func checkTags(t *testing.T, field *rules.Field, typed string) {
	t.Helper()
	judge := func(tags []string) ([]string, error) {
		var sheet rules.Sheet
		kept := sheet.Tags(field, tags)
		_, err := sheet.Close()
		return kept, err
	}
	once, err := judge(strings.Split(typed, ","))
	if err != nil {
		inTheBooksWords(t, field, err)
		return
	}
	twice, err := judge(once)
	if err != nil || !slices.Equal(once, twice) {
		t.Fatalf("%q becomes %q, and that %q (%v)", typed, once, twice, err)
	}
}

func inTheBooksWords(t *testing.T, field *rules.Field, err error) {
	t.Helper()
	var refusal *domain.Error
	if !errors.As(err, &refusal) || len(refusal.Fields) == 0 {
		t.Fatalf("%s: %v", field.Pointer, err)
	}
	for _, f := range refusal.Fields {
		if !slices.ContainsFunc(field.All(), func(r rules.Rule) bool { return r.Code == f.Code && r.Text == f.Text }) {
			t.Fatalf("%s: the book does not say %q", field.Pointer, f.Text.EN)
		}
	}
}

// mistakes are "pointer code" of each, and codes the codes alone.
func mistakes(err error) string { return decidertest.Mistakes(err) }

func codes(err error) string {
	var refusal *domain.Error
	if !errors.As(err, &refusal) {
		return ""
	}
	all := make([]string, len(refusal.Fields))
	for i, f := range refusal.Fields {
		all[i] = f.Code
	}
	return strings.Join(all, ", ")
}
