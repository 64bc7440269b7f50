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

	OK          = "ok"
	Behind      = "behind"
	ReadOnly    = "read_only"
	Unavailable = "unavailable"
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
	// Needed are the read models that must keep up.
	Needed []string
}

// Part is one part of a node and its state: OK, Behind, ReadOnly or Unavailable.
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
}

// Ready says whether every part is well.
func (r Report) Ready() bool {
	return !slices.ContainsFunc(r.Parts, func(p Part) bool { return p.State != OK })
}

// Check looks at every part.
func (c Checker) Check(ctx context.Context) Report {
	var r Report
	models, err := c.Models.Status(ctx)
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
	models, err = c.Replica.Status(ctx)
	switch behind := c.behind(models); {
	case err != nil:
		r.Err = err
		replica.State, replica.Detail = Unavailable, err.Error()
		replica.Text = domain.Text{ZH: "只读副本（read replica）不可用", EN: "the read replica is not available"}
	case behind != "":
		replica.State, replica.Detail = Behind, behind
		replica.Text = domain.Text{ZH: "只读副本（read replica）落后", EN: "the read replica is behind"}
	}
	r.Replica, r.Parts = models, append(r.Parts, replica)
	return r
}

// database is the state of one that answered.
func (c Checker) database(ctx context.Context) Part {
	p := Part{Name: Database, State: OK}
	writer, ok := c.Models.(Writer)
	if !ok {
		return p
	}
	switch err := writer.Writable(ctx); {
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
	behind := c.behind(models)
	if behind == "" {
		return Part{Name: ReadModels, State: OK}
	}
	return Part{Name: ReadModels, State: Behind, Text: domain.Text{ZH: "读模型落后", EN: "a read model is behind"}, Detail: behind}
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
