package media

// RoundsOf are rounds in which one collection looks at so many digests.
func RoundsOf(most int) *Rounds { return &Rounds{most: most} }

// Idle reports whether nothing is being written.
func (l *Library) Idle() bool {
	idle := l.writing.TryAcquire(writesAtOnce)
	if idle {
		l.writing.Release(writesAtOnce)
	}
	return idle
}
