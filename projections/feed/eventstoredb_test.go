package feed_test

import "testing"

// TestOnEventStoreDB: positions that jump, and a server of which every few calls goes wrong, make no difference.
func TestOnEventStoreDB(t *testing.T) {
	t.Run("Hub", TestHub)
}
