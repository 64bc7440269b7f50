package commands_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/media"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
)

// shelf is a library whose images are as the last digit of their digest says, whoever asks.
type shelf struct{}

func (shelf) Uploaded(_ context.Context, _ uuid.UUID, references []media.Reference) (media.Facts, error) {
	facts := media.Facts{}
	for _, r := range references {
		image := media.Standard()[r.Purpose].Fitting(r.Digest)
		switch r.Digest[len(r.Digest)-1] {
		case '7': // nobody uploaded it
			continue
		case '8':
			image.Width--
		case '9':
			image.Bytes = 2<<20 + 1
		}
		facts[r] = image
	}
	return facts, nil
}

// atlas has the cities whose names it finds in itself, with a point 100 km per character from the centre.
type atlas string

func (a atlas) Find(_, city string, _ place.Point) place.Fact {
	if !strings.Contains(string(a), city) {
		return place.Fact{}
	}
	return place.Fact{ID: 7, Distance: float64(100 * len([]rune(city)))}
}

func withSources(t testing.TB) *world {
	w := newWorld(t)
	w.Service = commands.New(w.store, commands.Sources{Images: shelf{}, Policies: media.Standard(), Places: atlas("新加坡河内")})
	return w
}

var texts = rapid.OneOf(
	rapid.SampledFrom([]string{"三亚海丰", " 三亚\u200b海丰 ", "", "　", "a\nb", "\u202e", strings.Repeat("长", 21), strings.Repeat("𠮷", 61)}),
	rapid.String(),
)

func images(t *rapid.T, name string) domain.ImageRef {
	return domaintest.Image(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "a", "b", "c", "7", "8", "9", ""}).Draw(t, name))
}

// anyProfile is one in which a few fields are whatever somebody may type.
func anyProfile(t *rapid.T, codes ...string) provider.Profile {
	p := profile(rapid.SampledFrom(codes).Draw(t, "code"))
	if rapid.Bool().Draw(t, "as it should be") {
		p.Licence = domaintest.Image(rapid.SampledFrom([]string{"a", "8"}).Draw(t, "licence")) // a small one is no mistake
		return p
	}
	p.Licence, p.Logo = images(t, "licence"), images(t, "logo")
	fields := []*string{&p.Type, &p.Name, &p.LegalRepresentative, &p.Contact, &p.Address, &p.Phone, &p.Introduction, &p.USCC}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(fields)-1), 0, 2).Draw(t, "fields") {
		*fields[i] = texts.Draw(t, "text")
	}
	return p
}

func anyContent(t *rapid.T) product.Content {
	c := content()
	if rapid.Bool().Draw(t, "as it should be") {
		c.Destination.City = rapid.SampledFrom([]string{"新加坡", "河内", "某地"}).Draw(t, "city")
		return c
	}
	c.Cover = images(t, "cover")
	c.Details = nil
	for i := range rapid.IntRange(0, 12).Draw(t, "details") {
		c.Details = append(c.Details, images(t, fmt.Sprint("detail ", i)))
	}
	c.Destination.City = rapid.SampledFrom([]string{"新加坡", "河内", "某地", ""}).Draw(t, "city")
	c.Destination.Latitude = rapid.SampledFrom([]float64{1.29, 0, 91, -90}).Draw(t, "latitude")
	if rapid.Bool().Draw(t, "tags as they come") {
		c.Tags = rapid.SliceOfN(texts, 0, 60).Draw(t, "tags")
	}
	fields := []*string{&c.Name, &c.Brief, &c.Destination.Country, (*string)(&c.Mode), &c.Destination.CRS}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(fields)-1), 0, 1).Draw(t, "fields") {
		*fields[i] = texts.Draw(t, "text")
	}
	return c
}

// agree carries out a preview and the submission after it: both are refused in the same words, or the submission leaves behind what the
// preview said, which saved nothing.
func agree[S any](t *rapid.T, w *world, stream func(commands.Outcome[S]) domain.StreamName,
	preview, submit func() (commands.Outcome[S], error), latest func(S) any,
) {
	appends := w.store.appends.Load()
	said, refused := preview()
	if w.store.appends.Load() != appends {
		t.Fatalf("a preview appended")
	}
	did, err := submit()
	if (refused == nil) != (err == nil) || !reflect.DeepEqual(bare(refused), bare(err)) {
		t.Fatalf("previewed: %v\nsubmitted: %v", refused, err)
	}
	if err != nil {
		return
	}
	if !reflect.DeepEqual(latest(said.State), latest(did.State)) {
		t.Fatalf("previewed:\n%+v\nsubmitted:\n%+v", latest(said.State), latest(did.State))
	}
	if stored := w.events(stream(did)); len(stored) == 0 {
		t.Fatalf("nothing was stored")
	}
}

// bare is a refusal without its cause.
func bare(err error) any {
	if e, ok := err.(*domain.Error); ok { //nolint:errorlint // as the commands return it
		c := *e
		c.Cause = nil
		return c
	}
	return err
}

// TestPreviewAndSubmissionAgree on every input, in every state, about applications and about products.
func TestPreviewAndSubmissionAgree(t *testing.T) {
	all := withSources(t)
	ctx := t.Context()
	outcomes := map[string]int{}
	missing := func() (all []string) {
		for _, what := range []string{"apply", "revise", "submit", "revise product"} {
			if outcomes[what+" <nil>"] == 0 || outcomes[what+" invalid_input"] == 0 {
				all = append(all, what)
			}
		}
		return all
	}
	try := func(rt *rapid.T) {
		w := all.fork(t)
		id := w.enterprise(w.codeA)
		if rapid.IntRange(0, 4).Draw(rt, "taken") == 0 {
			ok(t, w.apply(w.enterprise(w.codeA), w.codeA))
		}
		state := rapid.SampledFrom([]string{"none", "none", "applied", "active", "active", "active", "suspended", "closed", "hasty"}).Draw(rt, "state")
		w.bring(id, state)
		for range rapid.IntRange(1, 3).Draw(rt, "times") {
			req := as(id)
			if rapid.IntRange(0, 5).Draw(rt, "if-match") == 0 {
				req.IfRevision = new(domain.Revision(rapid.IntRange(0, 2).Draw(rt, "revision")))
			}
			p := anyProfile(rt, w.codeA, w.codeA, w.codeB)
			c := anyContent(rt)
			ofProfile := func(s provider.State) any { return []any{s.Latest, s.Verdict, s.Mismatches, s.Review, s.Revision} }
			ofContent := func(s product.State) any { return []any{s.Latest, s.Verdict, s.Place, s.Review, s.Revision} }
			atProvider := func(o commands.Outcome[provider.State]) domain.StreamName {
				return domain.Stream(provider.Category, o.ID)
			}
			atProduct := func(o commands.Outcome[product.State]) domain.StreamName {
				return domain.Stream(product.Category, o.ID)
			}
			switch rapid.SampledFrom([]string{"apply", "revise", "submit", "revise product"}).Draw(rt, "what") {
			case "apply":
				agree(rt, w, atProvider, func() (commands.Outcome[provider.State], error) { return w.Preview().ApplyAsProvider(ctx, req, p) },
					func() (commands.Outcome[provider.State], error) {
						o, err := w.ApplyAsProvider(ctx, req, p)
						outcomes["apply "+code(err)]++
						return o, err
					}, ofProfile)
			case "revise":
				agree(rt, w, atProvider, func() (commands.Outcome[provider.State], error) { return w.Preview().ReviseApplication(ctx, req, p) },
					func() (commands.Outcome[provider.State], error) {
						o, err := w.ReviseApplication(ctx, req, p)
						outcomes["revise "+code(err)]++
						return o, err
					}, ofProfile)
			case "submit":
				agree(rt, w, atProduct, func() (commands.Outcome[product.State], error) { return w.Preview().SubmitProduct(ctx, req, c) },
					func() (commands.Outcome[product.State], error) {
						o, err := w.SubmitProduct(ctx, req, c)
						outcomes["submit "+code(err)]++
						return o, err
					}, ofContent)
			default:
				submitted, err := w.SubmitProduct(ctx, as(id), domaintest.Content("三亚—新加坡海运专线"))
				product := submitted.ID
				if err != nil {
					product = uuid.New()
				}
				agree(rt, w, atProduct, func() (o commands.Outcome[productState], err error) {
					return w.Preview().ReviseProduct(ctx, req, product, c)
				},
					func() (commands.Outcome[productState], error) {
						o, err := w.ReviseProduct(ctx, req, product, c)
						outcomes["revise product "+code(err)]++
						return o, err
					}, ofContent)
			}
		}
	}
	// Each is let through once and refused once, which a hundred worlds nearly always show.
	for rounds := 0; rounds == 0 || rounds < 10 && len(missing()) > 0; rounds++ {
		rapid.Check(t, try)
	}
	if left := missing(); len(left) > 0 {
		t.Errorf("%v was never let through, or never refused for its input: %v", left, outcomes)
	}
}

type productState = product.State

// bring takes an account's provider to a state; "hasty" has applied so often that it has to wait.
func (w *world) bring(id uuid.UUID, state string) {
	w.t.Helper()
	if state == "none" {
		return
	}
	p := profile(w.codeB) // its own code may be taken
	_, err := w.ApplyAsProvider(w.t.Context(), as(id), p)
	ok(w.t, err)
	if state == "hasty" {
		for range 9 {
			_, err := w.ReviseApplication(w.t.Context(), as(id), p)
			ok(w.t, err)
		}
		return
	}
	if state == "applied" {
		return
	}
	ok(w.t, w.approve(id, 1))
	switch state {
	case "suspended":
		_, err = w.SuspendProvider(w.t.Context(), staff(), id, "复核")
	case "closed":
		_, err = w.CloseProvider(w.t.Context(), staff(), id, "注销")
	}
	ok(w.t, err)
}

func code(err error) string {
	if e, ok := err.(*domain.Error); ok { //nolint:errorlint // as the commands return it
		return e.Code
	}
	return fmt.Sprint(err)
}

// TestAPreviewReservesNothing: not the code, nor the key of the submission that follows it, nor its pace.
func TestAPreviewReservesNothing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	a, b := w.enterprise(w.codeA), w.enterprise(w.codeA)
	req := as(a)
	said := must[provider.State](t)(w.Preview().ApplyAsProvider(ctx, req, profile(w.codeA)))
	if said.Replayed || said.State.Revision != 1 || said.State.Rules == 0 {
		t.Fatalf("%+v", said)
	}
	if n := len(w.events(domain.Stream(uscc.Category, uscc.Code(w.codeA).StreamID()))); n != 0 {
		t.Errorf("%d events of the code", n)
	}
	ok(t, w.apply(b, w.codeA))
	_, err := w.Preview().ApplyAsProvider(ctx, req, profile(w.codeA))
	wantRefusal(t, err, uscc.ErrTaken)
	ok(t, w.reject(b, 1))
	// The key is good for the submission, and a preview after it is no repetition of it.
	must[provider.State](t)(w.ApplyAsProvider(ctx, req, profile(w.codeA)))
	_, err = w.Preview().ApplyAsProvider(ctx, req, profile(w.codeA))
	wantRefusal(t, err, provider.ErrAlreadyApplied)
	for range 30 {
		must[provider.State](t)(w.Preview().ReviseApplication(ctx, as(a), profile(w.codeA)))
	}
	ok(t, w.revise(a, w.codeA))
}

// TestWithoutALibraryNoImageIsKnown: a service that was not told where images are lets none through.
func TestWithoutALibraryNoImageIsKnown(t *testing.T) {
	w := newWorld(t)
	id := w.enterprise(w.codeA)
	blind := commands.New(w.store, commands.Sources{Policies: media.Standard()})
	_, err := blind.ApplyAsProvider(t.Context(), as(id), profile(w.codeA))
	wantRefusal(t, err, domain.ErrInvalid)
	if got := fmt.Sprint(bare(err)); strings.Count(got, "image_unknown") != 2 {
		t.Errorf("got %v", err)
	}
}

// broken is a library that cannot be reached.
type broken struct{}

func (broken) Uploaded(context.Context, uuid.UUID, []media.Reference) (media.Facts, error) {
	return nil, context.DeadlineExceeded
}

func TestALibraryThatCannotBeReachedLetsNothingThrough(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	away := commands.New(w.store, commands.Sources{Images: broken{}, Policies: media.Standard()})
	before := w.size()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := away.SubmitProduct(ctx, as(owner), content()); err == nil || w.size() != before {
		t.Errorf("got %v and %d events", err, w.size()-before)
	}
}
