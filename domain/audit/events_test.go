package audit_test

import (
	"testing"

	"waybill/domain/audit"
	"waybill/domain/decidertest"
)

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, audit.Types) }
