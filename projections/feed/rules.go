package feed

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
	"waybill/domain/workdays"
	"waybill/projections"
)

// rule says of one event type who sees it and what of it.
type rule struct {
	fact domain.Event
	// fields are the event's own, by their JSON names; all else of it stays out. due is shown as due_at.
	fields string
	// sees are the audiences, besides operators and auditors, who see whatever has a rule. The provider and the enterprise are
	// those that the event is about.
	sees []Audience
}

var (
	staff = []Audience{}
	desk  = []Audience{AudienceReview}
	owner = []Audience{AudienceProvider}
	cases = []Audience{AudienceReview, AudienceProvider}
	its   = []Audience{AudienceEnterprise}
	both  = []Audience{AudienceProvider, AudienceEnterprise}
)

// rules are all that the feed shows. Never among the fields: who decided, what reviewers note among themselves or had before them,
// their claims, content, names of persons, addresses of receivers.
var rules = []rule{
	{provider.Applied{}, "revision due", cases},
	{provider.Revised{}, "revision due", cases},
	{provider.Approved{}, "revision", cases},
	{provider.FirstApproved{}, "revision", desk}, // the applicant waits for the second
	{provider.Rejected{}, "revision reasons", cases},
	{provider.ApprovalRevoked{}, "revision reasons due", cases},
	{provider.Suspended{}, "reason", owner},
	{provider.Reinstated{}, "reason", owner},
	{provider.Closed{}, "reason", owner},
	{provider.PinLimitSet{}, "limit", owner},

	{product.Submitted{}, "provider_id revision due", cases},
	{product.Revised{}, "revision due", cases},
	{product.PlaceMatched{}, "revision", cases},
	{product.Approved{}, "revision", cases},
	{product.Rejected{}, "revision reasons", cases},
	{product.ApprovalRevoked{}, "revision reasons due", cases},
	{product.Listed{}, "", owner},
	{product.Unlisted{}, "", owner},
	{product.Pinned{}, "", owner},
	{product.Unpinned{}, "", owner},
	{product.TakenDown{}, "revision reason", owner},
	{product.Deleted{}, "", cases},

	{booking.Requested{}, "product_id product_revision provider_id enterprise_id", both},
	{booking.Replied{}, "number", both},
	{booking.Read{}, "number", both},
	{booking.Closed{}, "reason", both},

	{account.Opened{}, "", staff},
	{account.Certified{}, "source", its},
	{account.RoleGranted{}, "role", staff},
	{account.RoleRevoked{}, "role", staff},
	{account.Closed{}, "", its},
	{account.TokenIssued{}, "id roles", staff},
	{account.TokenRevoked{}, "id roles", staff},

	{claim.Claimed{}, "kind revision", desk},
	{claim.Renewed{}, "", desk},
	{claim.Released{}, "", desk},
	{claim.Expired{}, "", desk},
	{claim.TakenOver{}, "", desk},
	{claim.DecisionBegun{}, "kind revision", desk},
	{canned.Set{}, "code", desk},
	{digest.Made{}, "day", desk},
	{calendar.Corrected{}, "version", desk},

	{uscc.Reserved{}, "provider_id", staff},
	{uscc.Confirmed{}, "provider_id", staff},
	{pins.Taken{}, "product_id", staff},
	{operation.DeadLetterSkipped{}, "read_model stream revision position", staff},
	{operation.DeadLettersRetried{}, "read_model stream position letters", staff},
	{webhook.Registered{}, "owner", staff},
	{webhook.Changed{}, "", staff},
	{webhook.SecretRotated{}, "", staff},
	{webhook.Paused{}, "", staff},
	{webhook.Resumed{}, "", staff},
	{webhook.Removed{}, "", staff},
}

// hidden are in nobody's feed: what auditors did is for auditors, in the history.
var hidden = []domain.Event{audit.Opened{}, audit.Exported{}}

// shown are the rules by event type.
var shown = func() map[string]compiled {
	all := make(map[string]compiled, len(rules))
	for _, r := range rules {
		all[r.fact.EventType()] = r.compile()
	}
	return all
}()

// Tells reports whether events of a type are ever in the feed of an audience.
func Tells(eventType string, audience Audience) bool {
	return slices.Contains(shown[eventType].sees, audience)
}

// compiled is a rule with its fields found.
type compiled struct {
	sees   []Audience
	fields []member
}

// member is one field of an event as the feed shows it.
type member struct {
	name  string
	index []int
	// noted says that it holds what somebody typed about an object, which goes with the object.
	noted bool
}

func (r rule) compile() compiled {
	c := compiled{sees: append([]Audience{AudienceAll}, r.sees...)}
	of := reflect.TypeOf(r.fact)
	for _, name := range strings.Fields(r.fields) {
		index := fieldOf(of, name)
		if index == nil {
			panic(fmt.Sprintf("feed: %s has no field %q", r.fact.EventType(), name)) // of the table above: it never gets beyond a test
		}
		c.fields = append(c.fields, member{name: name, index: index, noted: notedFact(r.fact) && (name == "reason" || name == "reasons")})
	}
	return c
}

// notedFact reports whether an event is one of an object that can be deleted.
func notedFact(fact domain.Event) bool {
	_, ok := product.Types[fact.EventType()]
	return ok
}

// fieldOf finds a field by its JSON name, in what is embedded too; nil when there is none.
func fieldOf(of reflect.Type, name string) []int {
	for _, f := range reflect.VisibleFields(of) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name && f.IsExported() {
			return f.Index
		}
	}
	return nil
}

// data is what the feed shows of an event, as JSON; noted says that some of it goes when its object is deleted, and is then left out
// by blanked.
func (c compiled) data(fact domain.Event, blanked bool) (text string, noted bool, err error) {
	b, of := []byte{'{'}, reflect.ValueOf(fact)
	for _, m := range c.fields {
		field := of.FieldByIndex(m.index)
		if absent(field) {
			continue
		}
		name, value := m.name, field.Interface()
		switch v := value.(type) {
		case workdays.Due:
			name, value = "due_at", v.At.UTC().Format(projections.TimeLayout)
		case []domain.Reason:
			if m.noted {
				noted = true
				if blanked {
					value = withoutNotes(v)
				}
			}
		case string:
			if m.noted {
				noted = true
				if blanked {
					continue
				}
			}
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return "", false, fmt.Errorf("%s: %w", fact.EventType(), err)
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(append(b, '"'), name...), `":`...), raw...)
	}
	return string(append(b, '}')), noted, nil
}

// absent reports whether a field has nothing to show; a number always has.
func absent(field reflect.Value) bool {
	switch field.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return false
	case reflect.Slice:
		return field.Len() == 0
	}
	return field.IsZero()
}

// withoutNotes are reasons without what somebody typed.
func withoutNotes(reasons []domain.Reason) []domain.Reason {
	left := make([]domain.Reason, len(reasons))
	for i, r := range reasons {
		r.Note = ""
		left[i] = r
	}
	return left
}
