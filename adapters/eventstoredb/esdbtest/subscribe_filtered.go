package esdbtest

// filtered is a subscription to $all that sends only some events, and checkpoints in between: while it catches up, after
// the page in which the interval is reached, and when it has caught up; live, after each interval of events. An interval
// is the search window times the multiplier, and counts every event that was looked at.
type filtered struct {
	*reader
	cursor
	filter     filter
	interval   int64
	counted    int   // how far the live count has come
	live       int64 // events since the last live checkpoint
	checkpoint place // the last one sent
}

func (r *reader) subscribeFiltered(from place, f filter, multiplier uint32) error {
	interval := int64(multiplier) * int64(f.window)
	if interval == 0 { // the real server throws for a multiplier of 0, and would search for ever in a window of 0
		return handlerFailed()
	}
	c, behind := r.begin(from)
	s := &filtered{reader: r, cursor: c, filter: f, interval: interval, counted: c.i, checkpoint: edge}
	if err := r.confirm(); err != nil {
		return err
	}
	for {
		if behind {
			if err := s.catchUp(); err != nil {
				return err
			}
		}
		if err := s.follow(); err != nil {
			return err
		}
		behind = true
	}
}

// catchUp reads page by page to the end.
func (s *filtered) catchUp() error {
	if err := s.rewind(&s.cursor); err != nil {
		return err
	}
	var considered int64
	for current := s.from(); ; {
		looked, next, end, err := s.page(current)
		if err != nil {
			return err
		}
		if s.at.less(current) && current.less(next) {
			s.at = current // nothing was found since; what is at current was looked at
		}
		considered += looked
		if end {
			if first := (place{}); s.at.less(first) && first.less(next) {
				s.at = first
			}
			return s.say(s.at)
		}
		if considered >= s.interval {
			considered %= s.interval
			if err := s.say(s.at); err != nil {
				return err
			}
		}
		current = next
	}
}

func (s *filtered) from() place {
	if s.at == edge {
		return place{}
	}
	return s.at
}

// page looks at events until it has found a page of them, or has searched its window, or is at the end. The position
// after it has the prepare position 0, as in the real server: read from there, the event at that commit is included.
func (s *filtered) page(current place) (looked int64, next place, end bool, err error) {
	next = current
	for found := 0; found < pageSize && looked < int64(s.filter.window); {
		if s.i >= s.log.count() {
			return looked, next, true, nil
		}
		record := s.log.at(s.i)
		s.i++
		if record.system {
			continue
		}
		s.count()
		looked++
		next = place{commit: record.end}
		if !s.filter.allows(record) {
			continue
		}
		found++
		if !s.at.less(placeOf(record)) {
			continue
		}
		s.at = placeOf(record)
		if err := s.send(s.log.resolve(record, s.links)); err != nil {
			return looked, next, false, err
		}
	}
	return looked, next, false, s.ctx.Err()
}

// follow sends what is appended, and returns when it fell behind: with a checkpoint, so that there is one in the interval.
func (s *filtered) follow() error {
	if err := s.caughtUp(noStream, &s.at); err != nil {
		return err
	}
	for {
		n := s.log.count()
		if s.waiting(n) > liveBuffer {
			return s.say(s.at)
		}
		for s.i < n {
			record := s.log.at(s.i)
			s.i++
			if record.system {
				continue
			}
			here := placeOf(record)
			if s.filter.allows(record) && s.at.less(here) {
				s.at = here
				if err := s.send(s.log.resolve(record, s.links)); err != nil {
					return err
				}
			}
			if s.count() && !here.less(s.at) {
				s.at = here
				if err := s.say(here); err != nil {
					return err
				}
			}
		}
		if err := s.wait(n); err != nil {
			return err
		}
	}
}

// waiting is how many events there are to be sent, up to one more than matters.
func (s *filtered) waiting(n int) int {
	found := 0
	if n-s.i <= liveBuffer {
		return 0
	}
	for i := s.i; i < n && found <= liveBuffer; i++ {
		if record := s.log.at(i); !record.system && s.filter.allows(record) {
			found++
		}
	}
	return found
}

// count counts the event before the cursor, once, if it came after the confirmation; it says when the interval is full.
func (s *filtered) count() bool {
	if s.i <= s.counted {
		return false
	}
	s.counted = s.i
	s.live++
	if s.live < s.interval {
		return false
	}
	s.live = 0
	return true
}

// say sends a checkpoint, unless one for that place or beyond was sent.
func (s *filtered) say(p place) error {
	if p == edge || !s.checkpoint.less(p) {
		return nil
	}
	s.checkpoint = p
	return s.reached(p)
}
