package postgres

import "waybill/domain"

// AppendLock is the key of the lock that every writer takes.
const AppendLock = appendLock

// Silence is how long a server may say nothing.
const Silence = silence

// Queued counts the appends that no transaction has taken yet.
func (s *EventStore) Queued() int {
	s.committer.mu.Lock()
	defer s.committer.mu.Unlock()
	return len(s.committer.queue)
}

// Head is how far the log has come as far as this store has heard; its polls are not heard.
func (s *EventStore) Head() domain.Position {
	head, _ := s.tail.state()
	return head
}
