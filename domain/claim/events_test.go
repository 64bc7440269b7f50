package claim_test

import (
	"testing"

	"waybill/domain/claim"
	"waybill/domain/decidertest"
)

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, claim.Types) }
