package canned_test

import (
	"testing"

	"waybill/domain/canned"
	"waybill/domain/decidertest"
)

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, canned.Types) }
