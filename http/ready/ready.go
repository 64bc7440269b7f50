// Package ready finds out whether a node can take requests, and which part of it keeps it from that.
package ready

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"waybill/domain"
	"waybill/projections/runtime"
)

// MaxLag is how old the oldest event may be that a read model does not show, before its node is not ready.
const MaxLag = 10 * time.Second

// The parts of a node, and what is said of each.
const (
	Database    = "database"
	ReadModels  = "read_models"
	ReadReplica = "read_replica"
	EventStore  = "event_store"

	OK          = "ok"
	Behind      = "behind"
	ReadOnly    = "read_only"
	Unavailable = "unavailable"
	Refused     = "refused"
	// AnotherLog is of what was built from another log than the event store holds.
	AnotherLog = "another_log"
)

// Status tells how far every read model is.
type Status interface {
	Status(ctx context.Context) ([]runtime.Status, error)
}

// Writer is a Status that knows whether what it tells of takes writes.
type Writer interface {
	// Writable returns runtime.ErrReadOnly when it takes none.
	Writable(ctx context.Context) error
}

// Checker looks at the parts of a node.
type Checker struct {
	Models Status
	// Replica is nil when queries do not go to one.
	Replica Status
	// Log tells how the store of the log is doing, OK, Unavailable or Refused, and why; nil where that is the database.
	Log func() (state string, why error)
	// Needed are the read models that must keep up.
	Needed []string
}

// Part is one part of a node and its state: OK, Behind, ReadOnly, Unavailable, Refused or AnotherLog.
type Part struct {
	Name, State string
	// Text says the same to a person, and names nothing; zero when all is well.
	Text domain.Text
	// Detail names what is behind or failed; for those who operate the node alone.
	Detail string
}

// Report is what a look found.
type Report struct {
	Parts []Part
	// Models and Replica are the read models, on the primary and on the replica; nil where they could not be asked.
	Models, Replica []runtime.Status
	// Err is why a part could not be asked.
	Err error
	// Age is how old what is told is, at most: 0 unless a part has not answered in time.
	Age time.Duration
}

// Ready says whether every part is well.
func (r Report) Ready() bool {
	return !slices.ContainsFunc(r.Parts, func(p Part) bool { return p.State != OK })
}

// Check looks at every part.
func (c Checker) Check(ctx context.Context) Report {
	if c.Log == nil {
		return c.check(ctx)
	}
	state, why := c.Log()
	if state != OK { // how far the read models are cannot be told then, and asking takes long
		return Report{Parts: []Part{logged(state, why)}, Err: why}
	}
	r := c.check(ctx)
	if errors.Is(r.Err, domain.ErrUnavailable) && len(r.Parts) == 1 { // it went away just now
		return Report{Parts: []Part{logged(Unavailable, r.Err)}, Err: r.Err}
	}
	r.Parts = append(r.Parts, Part{Name: EventStore, State: OK})
	return r
}

func (c Checker) check(ctx context.Context) Report {
	var r Report
	onReplica := make(chan answer, 1)
	if c.Replica != nil { // at the same time: one that hangs does not add to another's time
		go func() { onReplica <- statusOf(ctx, c.Replica) }()
	}
	models, age, err := statusOf(ctx, c.Models).parts()
	r.Age = age
	if err != nil {
		r.Err = err
		text := domain.Text{ZH: "数据库不可用", EN: "the database is not available"}
		r.Parts = []Part{{Name: Database, State: Unavailable, Text: text, Detail: err.Error()}}
		return r
	}
	r.Models, r.Parts = models, []Part{c.database(ctx), c.models(models)}
	if c.Replica == nil {
		return r
	}
	replica := Part{Name: ReadReplica, State: OK}
	models, age, err = (<-onReplica).parts()
	r.Age = max(r.Age, age)
	switch behind, strange := c.behind(models), ofAnother(models); {
	case err != nil:
		r.Err = err
		replica.State, replica.Detail = Unavailable, err.Error()
		replica.Text = domain.Text{ZH: "只读副本（read replica）不可用", EN: "the read replica is not available"}
	case strange != "":
		replica.State, replica.Detail = AnotherLog, strange
		replica.Text = domain.Text{ZH: "只读副本（read replica）与现有日志不符", EN: "the read replica is of another log"}
	case behind != "":
		replica.State, replica.Detail = Behind, behind
		replica.Text = domain.Text{ZH: "只读副本（read replica）落后", EN: "the read replica is behind"}
	}
	r.Replica, r.Parts = models, append(r.Parts, replica)
	return r
}

// logged is the part that keeps the log, and is not well.
func logged(state string, why error) Part {
	p := Part{Name: EventStore, State: state, Text: domain.Text{ZH: "事件存储（event store）不可用", EN: "the event store is not available"}}
	if state == Refused {
		p.Text = domain.Text{ZH: "事件存储（event store）拒绝访问", EN: "the event store refuses access"}
	}
	p.Detail = p.Text.EN
	if why != nil {
		p.Detail = why.Error()
	}
	return p
}

// database is the state of one that answered.
func (c Checker) database(ctx context.Context) Part {
	p := Part{Name: Database, State: OK}
	switch err := writable(ctx, c.Models); {
	case errors.Is(err, runtime.ErrReadOnly):
		p.State, p.Detail = ReadOnly, err.Error()
		p.Text = domain.Text{ZH: "数据库只读，暂不能写入", EN: "the database takes no writes"}
	case err != nil:
		p.State, p.Detail = Unavailable, err.Error()
		p.Text = domain.Text{ZH: "数据库不可用", EN: "the database is not available"}
	}
	return p
}

func (c Checker) models(models []runtime.Status) Part {
	if strange := ofAnother(models); strange != "" {
		return Part{
			Name: ReadModels, State: AnotherLog, Detail: strange,
			Text: domain.Text{ZH: "读模型与现有日志不符，须重建", EN: "the read models are of another log, and have to be built anew"},
		}
	}
	behind := c.behind(models)
	if behind == "" {
		return Part{Name: ReadModels, State: OK}
	}
	return Part{Name: ReadModels, State: Behind, Text: domain.Text{ZH: "读模型落后", EN: "a read model is behind"}, Detail: behind}
}

// ofAnother names what was built from another log: reactions too, which `waybill rebuild all` sets on as well.
func ofAnother(all []runtime.Status) string {
	var names []string
	for _, m := range all {
		if m.AnotherLog {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return strings.Join(names, ", ") + ": run 'waybill rebuild all'"
}

// behind names the needed read models that do not keep up; it is empty when all do.
func (c Checker) behind(models []runtime.Status) string {
	var behind []string
	for _, name := range c.Needed {
		at := slices.IndexFunc(models, func(m runtime.Status) bool { return m.Name == name })
		if at < 0 || models[at].Lag > MaxLag || models[at].Outdated {
			behind = append(behind, name)
		}
	}
	return strings.Join(behind, ", ")
}
