package media

// Idle reports whether nothing is being written.
func (l *Library) Idle() bool {
	idle := l.writing.TryAcquire(writesAtOnce)
	if idle {
		l.writing.Release(writesAtOnce)
	}
	return idle
}
