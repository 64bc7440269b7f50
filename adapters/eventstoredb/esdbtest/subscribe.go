package esdbtest

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

// Subscriptions read the log by themselves, at their client's pace: nothing is queued for them. They tell that they have
// caught up when they reach the end, and again when they fell behind meanwhile, which is when more events are waiting than
// the real server keeps for one (it says only "caught up": "fell behind" is never sent to clients).

const liveBuffer = 32

// confirm comes first, with an id that means nothing to the server.
func (r *reader) confirm() error {
	if err := r.say(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{
		Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()},
	}}); err != nil {
		return err
	}
	return r.effect.after(r.ctx, r.Server)
}

// wait returns when the log has grown beyond n.
func (r *reader) wait(n int) error {
	for {
		grown := r.log.growth()
		if r.log.count() > n {
			return nil
		}
		select {
		case <-grown:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// subscribe follows a stream, existing or not, after a revision. A tombstone is delivered and ends it.
func (r *reader) subscribe(name string, from int64) error {
	last := r.log.lastRevision(name)
	if last == deleted {
		return deletedStream(name)
	}
	if err := r.confirm(); err != nil {
		return err
	}
	if from == fromEnd {
		from = last
	}
	var err error
	if from < last {
		if from, err = r.catchUp(name, from); err != nil {
			return err
		}
	}
	for {
		if from, err = r.live(name, from); err != nil {
			return err
		}
		if from, err = r.catchUp(name, from); err != nil {
			return err
		}
	}
}

// catchUp reads as a reader would, so without what is truncated, and returns the last revision that was sent.
func (r *reader) catchUp(name string, from int64) (int64, error) {
	if err := r.leadRead(r.ctx); err != nil {
		return from, err
	}
	for next := from + 1; ; {
		p := r.log.forward(name, next, pageSize)
		switch p.state {
		case missing:
			return from, nil
		case tombstoned:
			return from, deletedStream(name)
		}
		for _, record := range p.records {
			if err := r.send(r.log.resolve(record, r.links)); err != nil {
				return from, err
			}
			from = record.revision
		}
		if p.end {
			return from, nil
		}
		next = p.next
	}
}

// live sends what is appended, and returns when it fell behind.
func (r *reader) live(name string, from int64) (int64, error) {
	if err := r.caughtUp(from, nil); err != nil {
		return from, err
	}
	for {
		n := r.log.count()
		records, waiting := r.log.after(name, from, liveBuffer)
		if waiting > liveBuffer {
			return from, nil
		}
		for _, record := range records {
			if err := r.send(r.log.resolve(record, r.links)); err != nil {
				return from, err
			}
			if record.kind == kindDeleted {
				return from, deletedStream(name)
			}
			from = record.revision
		}
		if err := r.wait(n); err != nil {
			return from, err
		}
	}
}

// cursor is how far a subscription to $all has come.
type cursor struct {
	i  int   // the next record to look at
	at place // what was sent last, an event or a checkpoint: only events beyond it are sent
}

// begin finds where in the log to go on, and whether that is at the end already. A place where no record starts is
// noticed only when it is before the last one: from beyond, nothing is read.
func (r *reader) begin(from place) (c cursor, behind bool) {
	n := r.log.count()
	last := placeOf(r.log.at(n - 1))
	if from.commit == fromEnd {
		from = last
	}
	return cursor{i: n, at: from}, from.less(last)
}

// rewind goes back to where the cursor's place is, to read on from there.
func (r *reader) rewind(c *cursor) error {
	if err := r.leadRead(r.ctx); err != nil {
		return err
	}
	if c.at == edge {
		c.i = 0
		return nil
	}
	i, boundary := r.log.find(c.at.commit)
	if !boundary {
		return invalidPosition()
	}
	c.i = i
	return nil
}

// subscribeAll follows $all after a position.
func (r *reader) subscribeAll(from place) error {
	c, behind := r.begin(from)
	if err := r.confirm(); err != nil {
		return err
	}
	for {
		if behind {
			if err := r.rewind(&c); err != nil {
				return err
			}
			for c.i < r.log.count() {
				if err := r.follow(&c); err != nil {
					return err
				}
			}
		}
		if err := r.caughtUp(noStream, &c.at); err != nil {
			return err
		}
		for behind = false; !behind; {
			n := r.log.count()
			if behind = n-c.i > liveBuffer; behind {
				break
			}
			for c.i < n {
				if err := r.follow(&c); err != nil {
					return err
				}
			}
			if err := r.wait(n); err != nil {
				return err
			}
		}
	}
}

// follow sends the next record, if it is an event to be sent.
func (r *reader) follow(c *cursor) error {
	record := r.log.at(c.i)
	c.i++
	if record.system || !record.shownInAll() || !c.at.less(placeOf(record)) {
		return nil
	}
	c.at = placeOf(record)
	return r.send(r.log.resolve(record, r.links))
}
