package digest_test

import (
	"testing"

	"waybill/domain/decidertest"
	"waybill/domain/digest"
)

func TestStoredEvents(t *testing.T) { decidertest.Golden(t, digest.Types) }
