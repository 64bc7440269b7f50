package webhook_test

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/webhook"
)

var (
	noon   = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	ann    = uuid.MustParse("c1f3a0de-5a4b-4a3c-9f1e-7b2d8c9e0f01")
	ben    = uuid.MustParse("c1f3a0de-5a4b-4a3c-9f1e-7b2d8c9e0f02")
	first  = uuid.MustParse("0b2d8c9e-5a4b-4a3c-9f1e-7b2d8c9e0f03")
	second = uuid.MustParse("0b2d8c9e-5a4b-4a3c-9f1e-7b2d8c9e0f04")
	third  = uuid.MustParse("0b2d8c9e-5a4b-4a3c-9f1e-7b2d8c9e0f05")
	rules  = webhook.Rules{Types: []string{"product-approved.v1", "booking-requested.v1"}}

	byAnn, byBen, byOperator = webhook.By{Provider: ann}, webhook.By{Provider: ben}, webhook.By{Operator: true}
)

func at(url string, types ...string) webhook.Target { return webhook.Target{URL: url, Types: types} }

func TestProcess(t *testing.T) {
	here := at("https://erp.example.com/events", "product-approved.v1")
	there := at("https://erp.example.com/v2/events")
	registered := webhook.Registered{Owner: ann, Target: here, Secret: first}
	rotated := func(secret uuid.UUID) domain.Event {
		return webhook.SecretRotated{Secret: secret, RetiresAt: noon.Add(time.Hour)}
	}
	decidertest.Table[webhook.State, webhook.Command]{
		Decider: webhook.Decider,
		Given: map[string][]domain.Event{
			"none":         nil,
			"active":       {registered},
			"operator's":   {webhook.Registered{Target: here, Secret: first}},
			"changed":      {registered, webhook.Changed{Target: there}},
			"many secrets": {registered, rotated(second), rotated(third)},
			"paused":       {registered, webhook.Paused{Reason: webhook.Gone}},
			"resumed":      {registered, webhook.Paused{Reason: webhook.Gone}, webhook.Resumed{}},
			"removed":      {registered, webhook.Removed{Reason: "下线"}},
		},
		When: map[string]webhook.Command{
			"register":        webhook.Register{By: byAnn, Target: here, Secret: first, Rules: rules, Others: webhook.MaxHooks - 1},
			"register wrong":  webhook.Register{By: byAnn, Target: at("http://erp.example.com"), Secret: first, Rules: rules},
			"one too many":    webhook.Register{By: byOperator, Target: here, Secret: first, Rules: rules, Others: webhook.MaxHooks},
			"change":          webhook.Change{By: byAnn, Target: there, Rules: rules},
			"change wrong":    webhook.Change{By: byAnn, Target: at("https://erp.example.com?token=1"), Rules: rules},
			"Ben changes":     webhook.Change{By: byBen, Target: there, Rules: rules},
			"op. changes":     webhook.Change{By: byOperator, Target: there, Rules: rules},
			"rotate":          webhook.RotateSecret{By: byAnn, Secret: uuid.New(), Overlap: time.Hour, At: noon},
			"rotate at once":  webhook.RotateSecret{By: byAnn, Secret: uuid.New(), At: noon},
			"rotate for long": webhook.RotateSecret{By: byAnn, Secret: uuid.New(), Overlap: webhook.MaxOverlap + 1, At: noon},
			"Ben rotates":     webhook.RotateSecret{By: byBen, Secret: uuid.New(), At: noon},
			"op. rotates":     webhook.RotateSecret{By: byOperator, Secret: uuid.New(), At: noon},
			"pause":           webhook.Pause{By: byAnn, Reason: "停机"},
			"pause unsaid":    webhook.Pause{By: byAnn, Reason: " "},
			"Ben pauses":      webhook.Pause{By: byBen, Reason: "停机"},
			"op. pauses":      webhook.Pause{By: byOperator, Reason: "投诉"},
			"resume":          webhook.Resume{By: byAnn},
			"Ben resumes":     webhook.Resume{By: byBen},
			"remove":          webhook.Remove{By: byAnn, Reason: "下线"},
			"remove unsaid":   webhook.Remove{By: byAnn},
			"nobody removes":  webhook.Remove{Reason: "下线"},
			"op. removes":     webhook.Remove{By: byOperator, Reason: "下线"},
		},
		Then: `
                | none           | active          | operator's      | changed         | many secrets      | paused          | resumed         | removed
register        | registered     | !webhook_exists | !webhook_exists | !webhook_exists | !webhook_exists   | !webhook_exists | !webhook_exists | !webhook_exists
register wrong  | !invalid_input | !webhook_exists | !webhook_exists | !webhook_exists | !webhook_exists   | !webhook_exists | !webhook_exists | !webhook_exists
one too many    | !webhook_limit_reached | !webhook_exists | !webhook_exists | !webhook_exists | !webhook_exists | !webhook_exists | !webhook_exists | !webhook_exists
change          | !not_found     | changed         | !not_found      | -               | changed           | changed         | changed         | !webhook_removed
change wrong    | !not_found     | !invalid_input  | !not_found      | !invalid_input  | !invalid_input    | !invalid_input  | !invalid_input  | !webhook_removed
Ben changes     | !not_found     | !not_found      | !not_found      | !not_found      | !not_found        | !not_found      | !not_found      | !not_found
op. changes     | !not_found     | !forbidden      | changed         | !forbidden      | !forbidden        | !forbidden      | !forbidden      | !forbidden
rotate          | !not_found     | secret-rotated  | !not_found      | secret-rotated  | !too_many_secrets | secret-rotated  | secret-rotated  | !webhook_removed
rotate at once  | !not_found     | secret-rotated  | !not_found      | secret-rotated  | secret-rotated    | secret-rotated  | secret-rotated  | !webhook_removed
rotate for long | !not_found     | !invalid_input  | !not_found      | !invalid_input  | !invalid_input    | !invalid_input  | !invalid_input  | !webhook_removed
Ben rotates     | !not_found     | !not_found      | !not_found      | !not_found      | !not_found        | !not_found      | !not_found      | !not_found
op. rotates     | !not_found     | !forbidden      | secret-rotated  | !forbidden      | !forbidden        | !forbidden      | !forbidden      | !forbidden
pause           | !not_found     | paused          | !not_found      | paused          | paused            | -               | paused          | !webhook_removed
pause unsaid    | !not_found     | !invalid_input  | !not_found      | !invalid_input  | !invalid_input    | !invalid_input  | !invalid_input  | !webhook_removed
Ben pauses      | !not_found     | !not_found      | !not_found      | !not_found      | !not_found        | !not_found      | !not_found      | !not_found
op. pauses      | !not_found     | paused          | paused          | paused          | paused            | -               | paused          | !webhook_removed
resume          | !not_found     | -               | !not_found      | -               | -                 | resumed         | -               | !webhook_removed
Ben resumes     | !not_found     | !not_found      | !not_found      | !not_found      | !not_found        | !not_found      | !not_found      | !not_found
remove          | !not_found     | removed         | !not_found      | removed         | removed           | removed         | removed         | !webhook_removed
remove unsaid   | !not_found     | !invalid_input  | !not_found      | !invalid_input  | !invalid_input    | !invalid_input  | !invalid_input  | !webhook_removed
nobody removes  | !not_found     | !not_found      | !not_found      | !not_found      | !not_found        | !not_found      | !not_found      | !not_found
op. removes     | !not_found     | removed         | removed         | removed         | removed           | removed         | removed         | !webhook_removed
`,
	}.Run(t)
}

// TestAddresses: what an address may be is told at once, and what the field was named.
func TestAddresses(t *testing.T) {
	private := webhook.Rules{Plain: true, Private: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for url, want := range map[string]string{
		"https://erp.example.com":            "",
		" https://erp.example.com:8443/a/b ": "",
		"https://[2606:4700::1111]/":         "host",
		"":                                   "required",
		"https://e.com/" + strings.Repeat("a", webhook.MaxURL):    "too_long",
		"https://例子.中国/":                                          "not_ascii",
		"https://erp.example.com/a b":                             "not_ascii",
		"https://erp.example.com/%zz":                             "malformed",
		"https:erp.example.com":                                   "malformed",
		"http://erp.example.com":                                  "scheme",
		"ftp://erp.example.com":                                   "scheme",
		"//erp.example.com":                                       "scheme",
		"https://user:secret@erp.example.com":                     "user_info",
		"https://@erp.example.com":                                "user_info",
		"https://erp.example.com?":                                "query",
		"https://erp.example.com/?key=1":                          "query",
		"https://erp.example.com/#a":                              "fragment",
		"https://erp.example.com/#":                               "fragment",
		"https://":                                                "host",
		"https://:443":                                            "host",
		"https://localhost":                                       "host",
		"https://db":                                              "host",
		"https://a.localhost":                                     "host",
		"https://127.0.0.1":                                       "host",
		"https://8.8.8.8":                                         "host",
		"https://127.1":                                           "host",
		"https://2130706433":                                      "host",
		"https://0x7f000001":                                      "host",
		"https://0x7f.0.0.0x1":                                    "host",
		"https://017700000001":                                    "host",
		"https://[::1]":                                           "host",
		"https://[::ffff:127.0.0.1]":                              "host",
		"https://[fe80::1%25eth0]":                                "host",
		"https://127.0.0.%EF%BC%91/":                              "host", // a wide 1
		"https://localhos%EF%BD%94.example.com/":                  "host",
		"https://127.0.0.1../":                                    "host",
		"https://example.com../":                                  "host",
		"https://a..b/":                                           "host",
		"https://../":                                             "host",
		"https://-.com/":                                          "host",
		"https://<b>.example.com/":                                "host",
		"https://*.example.com/":                                  "host",
		"https://e%ffx.com/":                                      "host",
		"https://" + strings.Repeat("a", 64) + ".com/":            "host",
		"https://" + strings.Repeat("a.", 126) + "com/":           "host",
		"https://" + strings.Repeat("a.", 125) + "com./":          "",
		"https://xn--fsqu00a.xn--0zwm56d":                         "",
		"https://a_b.example.com":                                 "",
		"https://erp.example.com:22":                              "port",
		"https://erp.example.com:80":                              "port",
		"https://erp.example.com:":                                "port",
		"https://erp.example.com:0":                               "port",
		"https://e.com/" + strings.Repeat("a", webhook.MaxURL):    "too_long",
		"https://e.com/" + strings.Repeat("a", webhook.MaxURL-14): "",
		"https://e.com/" + strings.Repeat("a", webhook.MaxURL-13): "too_long",
		"https://localhost.":                                      "host",
		"https://127.1.":                                          "host",
	} {
		_, err := webhook.Decide(webhook.State{}, webhook.Register{By: byAnn, Target: at(url), Rules: rules})
		if got := code(err); got != want {
			t.Errorf("%q is %q, want %q", url, got, want)
		}
		if err != nil && want != "" && len(url) > 10 && strings.Contains(err.Error(), "secret") {
			t.Errorf("the refusal repeats %q", url)
		}
	}
	for url, want := range map[string]string{
		"http://10.1.2.3:9000/": "", "http://erp:9000": "", "https://192.168.1.1": "host", "http://127.0.0.1": "host",
		"https://10.1.2.%EF%BC%93": "host", "https://<b>": "host",
		"http://erp:0": "port",
	} {
		_, err := webhook.Decide(webhook.State{}, webhook.Register{By: byAnn, Target: at(url), Rules: private})
		if got := code(err); got != want {
			t.Errorf("%q is %q, want %q", url, got, want)
		}
	}
}

// code is that of the only field, or "".
func code(err error) string {
	var refused *domain.Error
	if !errors.As(err, &refused) {
		return ""
	}
	codes := make([]string, len(refused.Fields))
	for i, f := range refused.Fields {
		codes[i] = f.Code
	}
	return strings.Join(codes, " ")
}

func TestTypesAndLabel(t *testing.T) {
	facts, err := webhook.Decide(webhook.State{}, webhook.Register{By: byAnn, Rules: rules, Target: webhook.Target{
		URL: "https://erp.example.com", Label: " 订单\u200b系统 ", Types: []string{"product-approved.v1", "booking-requested.v1", "product-approved.v1"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(facts[0].(webhook.Registered).Target); got != "{https://erp.example.com [booking-requested.v1 product-approved.v1] 订单系统}" {
		t.Error(got)
	}
	_, err = webhook.Decide(webhook.State{}, webhook.Register{By: byAnn, Rules: rules, Target: webhook.Target{
		URL: "https://erp.example.com", Label: "a\nb", Types: []string{"no-such.v1"},
	}})
	if got := code(err); got != "unknown_event line_break" {
		t.Error(got)
	}
}

// TestSecrets: whatever is rotated when, the newest secret always signs, those before it until the time that was told, and never more
// than the limit.
func TestSecrets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := webhook.Evolve(webhook.State{}, webhook.Registered{Owner: ann, Secret: first})
		log := []domain.Event{webhook.Registered{Owner: ann, Secret: first}}
		now := noon
		until := map[uuid.UUID]time.Time{} // by those before the newest
		newest := first
		for range rapid.IntRange(1, 12).Draw(t, "rotations") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
			c := webhook.RotateSecret{
				By: byAnn, Secret: uuid.New(), At: now, Overlap: time.Duration(rapid.IntRange(0, 2).Draw(t, "hours")) * time.Hour,
			}
			facts, err := webhook.Decide(s, c)
			if errors.Is(err, webhook.ErrManySecret) {
				if len(s.Signing(now)) < webhook.MaxSecrets {
					t.Fatal("refused with few")
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			ends := facts[0].(webhook.SecretRotated).RetiresAt
			until[newest] = ends
			for id, end := range until {
				if end.After(ends) {
					until[id] = ends
				}
			}
			newest = c.Secret
			s = webhook.Evolve(s, facts[0])
			log = append(log, facts...)
			signing := s.Signing(now)
			if signing[0] != newest || len(signing) > webhook.MaxSecrets {
				t.Fatalf("signed with %v", signing)
			}
			if len(s.Retiring) > webhook.MaxSecrets {
				t.Fatalf("%d secrets are remembered", len(s.Retiring))
			}
			for id, end := range until {
				found := false
				for _, signs := range signing[1:] {
					found = found || signs == id
				}
				if found != now.Before(end) {
					t.Fatalf("%s signs: %v, until %s, at %s", id, found, end, now)
				}
			}
		}
		decidertest.Lossless(t, webhook.Types, log)
		decidertest.StableFold(t, webhook.Decider, log)
		if webhook.Evolve(s, webhook.Removed{}).Signing(now) != nil {
			t.Fatal("signs after the end")
		}
	})
}

// TestAPauseLeavesNothingBehind: what is resumed has no reason any more.
func TestAPauseLeavesNothingBehind(t *testing.T) {
	before := webhook.Evolve(webhook.State{}, webhook.Registered{Owner: ann, Target: at("https://erp.example.com"), Secret: first})
	after := webhook.Evolve(webhook.Evolve(before, webhook.Paused{Reason: webhook.Gone}), webhook.Resumed{})
	if !reflect.DeepEqual(after, before) {
		t.Errorf("%+v, want %+v", after, before)
	}
}

// TestASecretRetiresAtATimeThatIsShown: in UTC and to the microsecond, so that the answer, the log and the read model say the same.
func TestASecretRetiresAtATimeThatIsShown(t *testing.T) {
	s := webhook.Evolve(webhook.State{}, webhook.Registered{Owner: ann, Secret: first})
	facts, err := webhook.Decide(s, webhook.RotateSecret{
		By: byAnn, Secret: uuid.New(), Overlap: time.Hour, At: noon.Add(1_234_567 * time.Nanosecond).In(domain.Beijing),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := facts[0].(webhook.SecretRotated).RetiresAt, noon.Add(time.Hour+1_234*time.Microsecond); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
