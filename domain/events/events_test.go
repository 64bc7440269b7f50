package events_test

import (
	"os"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/audit"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/canned"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/events"
	"waybill/domain/operation"
	"waybill/domain/pins"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
	"waybill/domain/webhook"
)

// A stored name that two packages use would be decoded as the other's event.
func TestStoredNamesAreDistinct(t *testing.T) {
	n := 0
	for _, types := range []domain.Types{
		account.Types, provider.Types, uscc.Types, product.Types, booking.Types, pins.Types, claim.Types, calendar.Types, canned.Types,
		digest.Types, operation.Types, audit.Types, webhook.Types,
	} {
		n += len(types)
		for name := range types {
			if events.Types[name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
	}
	if n != len(events.Types) {
		t.Errorf("%d names for %d types", len(events.Types), n)
	}
}

func TestGlossaryNamesEveryEvent(t *testing.T) {
	glossary, err := os.ReadFile("../../docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range events.Types {
		if !strings.Contains(string(glossary), "`"+name+"`") {
			t.Errorf("%s is not in docs/glossary.md", name)
		}
	}
}
