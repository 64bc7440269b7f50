package webhook_test

import (
	"testing"

	"waybill/domain/decidertest"
	"waybill/domain/webhook"
)

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, webhook.Types) }
