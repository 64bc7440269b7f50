// Package preflight looks, before a node serves or migrates, at everything that its first read and its first write need.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"waybill/cmd/config"
	"waybill/projections"
)

// Severity is what a finding means for a start.
type Severity int

// From what is well to what cannot work.
const (
	// Fine says what was found to be well.
	Fine Severity = iota
	// Warn says what works, but not as well as it is meant to.
	Warn
	// Refuse says what cannot work, or would break a promise in silence.
	Refuse
)

func (s Severity) String() string { return [...]string{"fine", "warn", "refuse"}[s] }

// Finding is one thing that a check found. Neither sentence holds a secret.
type Finding struct {
	Severity
	// What is one sentence: what is wrong, or what is well.
	What string
	// Mend is one sentence: what to do about it; empty when nothing is wrong.
	Mend string
}

func (f Finding) String() string {
	if f.Mend == "" {
		return f.What
	}
	return f.What + "; " + f.Mend
}

func fine(format string, args ...any) []Finding {
	return []Finding{{Severity: Fine, What: fmt.Sprintf(format, args...)}}
}

func warn(what, mend string) Finding { return Finding{Warn, what, mend} }

func refuse(what, mend string) Finding { return Finding{Refuse, what, mend} }

// Node is what is about to start, and on what.
type Node struct {
	Config config.Config
	// URL is where the database is: DATABASE_URL, or that of an embedded one.
	URL string
	// Migrates says that it brings the tables up to date first; else they must be.
	Migrates bool
	// Serves says that requests will be answered: what only they need is looked at too.
	Serves bool
	Models []projections.ReadModel
}

// Check is one thing that is looked at. It changes nothing, wherever it looks.
type Check struct {
	// Name is what it is called in logs, metrics and lists: one word.
	Name string
	// About is what it looks at, in a few words.
	About string
	look  func(context.Context, *site) ([]Finding, error)
}

// Result is what a check found: at least one finding.
type Result struct {
	Check
	Findings []Finding
}

// Report is what all checks found, in their order.
type Report []Result

// errNoSession says that a check needs the database, which another has found to be away.
var errNoSession = errors.New("the database could not be asked")

// Run makes all checks, one after the other, whatever each finds.
func Run(ctx context.Context, node Node) Report {
	s := &site{Node: node, now: time.Now}
	defer s.close(ctx)
	report := make(Report, 0, len(Checks))
	for _, c := range Checks {
		found, err := c.look(ctx, s)
		switch {
		case errors.Is(err, errNoSession):
			found = append(found, Finding{Severity: Fine, What: "not looked at: " + err.Error()})
		case err != nil:
			found = append(found, warn(fmt.Sprintf("it could not be found out: %v", config.Without(err)),
				"see to it that it can be asked"))
		case len(found) == 0:
			found = fine("nothing to look at here")
		}
		report = append(report, Result{c, found})
	}
	return report
}

// RefusedError is every reason for which a start is refused.
type RefusedError struct {
	Reasons []string
}

func (e *RefusedError) Error() string {
	return "it cannot start like this:\n\t" + strings.Join(e.Reasons, "\n\t")
}

// Err is a RefusedError when a check refuses the start, and names all that do.
func (r Report) Err() error {
	var refused RefusedError
	for _, result := range r {
		for _, f := range result.Findings {
			if f.Severity == Refuse {
				refused.Reasons = append(refused.Reasons, result.Name+": "+f.String())
			}
		}
	}
	if refused.Reasons == nil {
		return nil
	}
	return &refused
}

// Log writes a line for each warning.
func (r Report) Log(ctx context.Context, log *slog.Logger) {
	for _, result := range r {
		for _, f := range result.Findings {
			if f.Severity == Warn {
				log.WarnContext(ctx, f.What, "check", result.Name, "mend", f.Mend)
			}
		}
	}
}

// Warnings counts them by the names of all checks.
func (r Report) Warnings() map[string]int {
	count := map[string]int{}
	for _, result := range r {
		count[result.Name] += 0
		for _, f := range result.Findings {
			if f.Severity == Warn {
				count[result.Name]++
			}
		}
	}
	return count
}
