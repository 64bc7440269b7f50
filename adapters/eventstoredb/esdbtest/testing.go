package esdbtest

import "testing"

// Start is New and Server.Start, for a test; the server is closed at its end. Of several options the last counts.
func Start(t testing.TB, options ...Options) *Server {
	t.Helper()
	s, err := New(lastOf(options))
	if err != nil {
		t.Fatalf("esdbtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("esdbtest: %v", err)
		}
	})
	if err := s.Start(); err != nil {
		t.Fatalf("esdbtest: %v", err)
	}
	return s
}

// StartCluster is NewCluster for a test; the nodes are closed at its end.
func StartCluster(t testing.TB, n int, options ...Options) *Cluster {
	t.Helper()
	c, err := NewCluster(n, lastOf(options))
	if err != nil {
		t.Fatalf("esdbtest: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("esdbtest: %v", err)
		}
	})
	return c
}

func lastOf(options []Options) Options {
	if len(options) == 0 {
		return Options{}
	}
	return options[len(options)-1]
}
