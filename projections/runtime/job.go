package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Job is what is done by the clock, and not after an event: at moments that are the same distance apart. On all nodes together one
// works on the jobs, and each moment is done in its turn, once, as far as Do keeps to what it is asked.
type Job struct {
	// Name is for people: "review_digest".
	Name string
	// StoredName is what its bookmark is kept under, whatever becomes of the Name. Never changed.
	StoredName string
	// Every is the time between two moments, and Offset how long after 00:00 in Beijing one of them lies: 24h and 8h30m are each day at
	// half past eight. Every is at least a second.
	Every, Offset time.Duration
	// MakeUp is how many moments are made up for, each by itself and the oldest first, when nobody was there at the time; what was
	// before them is passed over, which the log says. With 0 nothing is missed: the latest does what all would have done.
	MakeUp int
	// Needs are the read models, by name, that show all of the log as it is at a turn before Do is called.
	Needs []string
	// Do does what is due at a turn. It comes again after an error, and after a crash or the loss of the lease also when it had been
	// done, so that it must be harmless twice: commands take an id that derives from the turn's, or from what they are about. It is
	// tried until there is no error, a minute at a time, while the other jobs go on. After a domain.ErrUnknownType the jobs are left to
	// another node.
	Do func(ctx context.Context, turn Turn) error
}

// Turn is one moment of a job.
type Turn struct {
	// ID is the moment's own: the same job has the same id for the same moment.
	ID uuid.UUID
	// Moment is when it was due, and Now when it is done: later, when it is made up for.
	Moment, Now time.Time
}

// turns is the namespace of their ids. Never changed.
var turns = uuid.MustParse("5f0f6f0c-52b4-5a3c-8e37-0a8a2f9c1d46")

// check names what a job lacks.
func (j Job) check() error {
	if j.Name == "" || j.StoredName == "" || j.Every < time.Second || j.MakeUp < 0 || j.Do == nil {
		return fmt.Errorf("job %q of the clock needs a name, a stored name, a second or more between its moments, and what it does", j.Name)
	}
	return nil
}

// latest is the job's last moment that is not after an instant.
func (j Job) latest(at time.Time) time.Time {
	first := time.Date(1970, 1, 1, 0, 0, 0, 0, domain.Beijing).Add(j.Offset)
	passed := at.Sub(first)
	if over := passed % j.Every; over >= 0 {
		passed -= over
	} else {
		passed -= over + j.Every
	}
	return first.Add(passed).UTC()
}

// after is the job's first moment after an instant.
func (j Job) after(at time.Time) time.Time { return j.latest(at).Add(j.Every) }

// due is the moment to do now, when all up to done are; passed are how many are given up before it. ok is false when it is too early.
func (j Job) due(done, now time.Time) (moment time.Time, passed int, ok bool) {
	first, last := j.after(done), j.latest(now)
	if last.Before(first) {
		return first, 0, false
	}
	behind := int(last.Sub(first)/j.Every) + 1
	passed = max(0, behind-max(j.MakeUp, 1))
	return first.Add(time.Duration(passed) * j.Every), passed, true
}

// turn is the moment's.
func (j Job) turn(moment, now time.Time) Turn {
	name := j.StoredName + "\n" + moment.UTC().Format(time.RFC3339Nano)
	return Turn{ID: uuid.NewSHA1(turns, []byte(name)), Moment: moment.UTC(), Now: now.UTC()}
}

// checkJobs refuses jobs that cannot be told apart.
func checkJobs(jobs []Job) error {
	var mistakes []error
	taken := map[string]bool{}
	for _, j := range jobs {
		mistakes = append(mistakes, j.check())
		if taken[j.StoredName] {
			mistakes = append(mistakes, fmt.Errorf("two jobs of the clock are stored as %q", j.StoredName))
		}
		taken[j.StoredName] = true
	}
	return errors.Join(mistakes...)
}
