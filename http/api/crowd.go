package api

import (
	"sync"

	"github.com/google/uuid"
)

// crowd counts those who do at once what not all may, in all and by account. The zero value has nobody.
type crowd struct {
	mu        sync.Mutex
	all       int
	byAccount map[uuid.UUID]int
}

// room is whether there is a place.
type room int

const (
	hasRoom   room = iota
	fullOfOne      // the account has as many as one may
	fullOfAll
)

// enter takes a place for an account, until leave, if there are fewer than so many in all, and of the account.
func (c *crowd) enter(account uuid.UUID, most, mostOfOne int) room {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.byAccount[account] >= mostOfOne:
		return fullOfOne
	case c.all >= most:
		return fullOfAll
	}
	if c.byAccount == nil {
		c.byAccount = map[uuid.UUID]int{}
	}
	c.all++
	c.byAccount[account]++
	return hasRoom
}

func (c *crowd) leave(account uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.byAccount[account]--; c.byAccount[account] == 0 {
		delete(c.byAccount, account)
	}
}

// taken is how many there are, as a gauge shows it.
func (c *crowd) taken() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return float64(c.all)
}
