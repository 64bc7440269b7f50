package linktest

import (
	"sync"
	"time"
)

// lane is one direction of a link, which all its connections share.
type lane struct {
	mu    sync.Mutex
	rate  int           // bytes a second; 0 for no limit
	delay time.Duration // from the one end to the other
	free  time.Time     // when what was sent before has left
}

// What of a connection is between the ends of a link, beside what the kernel keeps. So little that one who sends much is slowed as well.
const (
	parcelBytes = 8 << 10
	underWay    = 8 // parcels
)

// parcel is some bytes and when they arrive; last is the end of their connection.
type parcel struct {
	bytes []byte
	at    time.Time
	last  bool
}

func (l *lane) slow(rate int, delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate, l.delay = rate, delay
}

func (l *lane) stall(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.free) {
		l.free = until
	}
}

// arrival is when so many bytes arrive that are sent now.
func (l *lane) arrival(n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	if l.rate > 0 {
		l.free = l.free.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
	}
	return l.free.Add(l.delay)
}
