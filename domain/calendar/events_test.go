package calendar_test

import (
	"testing"

	"waybill/domain/calendar"
	"waybill/domain/decidertest"
)

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, calendar.Types) }
