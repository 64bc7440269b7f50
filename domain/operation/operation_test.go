package operation_test

import (
	"testing"

	"waybill/domain/decidertest"
	"waybill/domain/operation"
)

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, operation.Types) }
