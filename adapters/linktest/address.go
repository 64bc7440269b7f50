package linktest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreeAddress is where nobody listens, as host:port, also while whoever is to listen there is stopped: it is below the ports that systems
// give to those who name none (32768 and more on Linux, 49152 and more elsewhere), and so to every connection.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 15_000+rand.IntN(32_768-15_000)) //nolint:gosec // any will do
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue // somebody else's, or no more than a moment ago
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
}
