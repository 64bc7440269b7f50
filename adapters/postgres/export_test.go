package postgres

// Queued counts the appends that no transaction has taken yet.
func (s *EventStore) Queued() int {
	s.committer.mu.Lock()
	defer s.committer.mu.Unlock()
	return len(s.committer.queue)
}
