// Package decidertest proves a decider: its whole process as one table, and its stored events as golden files.
package decidertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"waybill/domain"
)

// Table is a process: what each command does in each state.
type Table[S, C any] struct {
	Decider domain.Decider[S, C]
	// Given is the history that leads to each state.
	Given map[string][]domain.Event
	// When is each command, in as many variants as decide differently.
	When map[string]C
	// Then has a row for each command and a column for each state, parted by "|"; the first row names the states.
	// A cell is "-" for nothing, "!code" for a refusal, else the events without category and version, parted by "+".
	Then string
}

// Run tries every cell. It fails when a state, a command or a cell is missing, when a command type of the package
// under test is in no row, and when an event type comes out of no cell.
func (table Table[S, C]) Run(t *testing.T) {
	t.Helper()
	states, rows := grid(t, table.Then)
	sameNames(t, "state", states, keys(table.Given))
	sameNames(t, "command", keys(rows), keys(table.When))
	seen := map[string]bool{}
	for name, cells := range rows {
		if len(cells) != len(states) {
			t.Errorf("row %q has %d cells, want %d", name, len(cells), len(states))
			continue
		}
		for i, state := range states {
			t.Run(name+" when "+state, func(t *testing.T) {
				table.try(t, table.Given[state], table.When[name], cells[i], seen)
			})
		}
	}
	table.checkCommandTypes(t)
	for eventType := range table.Decider.Types {
		if !seen[eventType] {
			t.Errorf("no cell makes a %s", eventType)
		}
	}
}

func (table Table[S, C]) try(t *testing.T, history []domain.Event, command C, want string, seen map[string]bool) {
	t.Helper()
	before := Fold(table.Decider, history)
	facts, err := table.Decider.Decide(before, command)
	if got := describe(table.Decider.Category, facts, err); got != want {
		t.Fatalf("got %s, want %s (%v)", got, want, err)
	}
	if !reflect.DeepEqual(before, Fold(table.Decider, history)) {
		t.Error("Decide changed the state it was given")
	}
	for _, fact := range facts {
		seen[fact.EventType()] = true
	}
	Lossless(t, table.Decider.Types, facts)
}

// Fold is the state that a history makes.
func Fold[S, C any](d domain.Decider[S, C], history []domain.Event) S {
	var s S
	for _, e := range history {
		s = d.Evolve(s, e)
	}
	return s
}

// StableFold folds a log event by event and checks that no state changes after it was made: each must still equal a
// fold of its part of the log from scratch.
func StableFold[S, C any](t TB, d domain.Decider[S, C], log []domain.Event) {
	t.Helper()
	states := make([]S, len(log)+1)
	for i, e := range log {
		states[i+1] = d.Evolve(states[i], e)
	}
	for i := range states {
		if again := Fold(d, log[:i]); !reflect.DeepEqual(states[i], again) {
			t.Fatalf("after event %d of %d the state was\n%+v, now it is\n%+v", i, len(log), again, states[i])
		}
	}
}

// TB is what both *testing.T and *rapid.T can do.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Lossless checks that events come back from storage as they went in.
func Lossless(t TB, types domain.Types, facts []domain.Event) {
	t.Helper()
	for _, fact := range facts {
		data, err := json.Marshal(fact)
		if err != nil {
			t.Fatalf("encode %#v: %v", fact, err)
		}
		back, err := types.Decode(fact.EventType(), data)
		if err != nil {
			t.Fatalf("decode %s: %v", data, err)
		}
		if !reflect.DeepEqual(back, fact) {
			t.Fatalf("stored and read back:\n%#v\nwant\n%#v", back, fact)
		}
	}
}

// Mistakes is "pointer code" of each field that err finds wrong, parted by ", "; empty when it finds none.
func Mistakes(err error) string {
	var refusal *domain.Error
	if !errors.As(err, &refusal) {
		return ""
	}
	list := make([]string, len(refusal.Fields))
	for i, f := range refusal.Fields {
		list[i] = f.Pointer + " " + f.Code
	}
	return strings.Join(list, ", ")
}

func describe(category string, facts []domain.Event, err error) string {
	var refusal *domain.Error
	switch {
	case errors.As(err, &refusal):
		return "!" + refusal.Code
	case err != nil:
		return "error " + err.Error()
	case len(facts) == 0:
		return "-"
	}
	names := make([]string, len(facts))
	for i, fact := range facts {
		name, _, _ := strings.Cut(fact.EventType(), ".")
		names[i] = strings.TrimPrefix(name, category+"-")
	}
	return strings.Join(names, "+")
}

func grid(t *testing.T, text string) (states []string, rows map[string][]string) {
	t.Helper()
	rows = map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch _, twice := rows[cells[0]]; {
		case states == nil:
			states = cells[1:]
		case twice:
			t.Errorf("row %q is there twice", cells[0])
		default:
			rows[cells[0]] = cells[1:]
		}
	}
	return states, rows
}

func (table Table[S, C]) checkCommandTypes(t *testing.T) {
	t.Helper()
	tried := map[string]bool{}
	for _, c := range table.When {
		tried[reflect.TypeOf(c).Name()] = true
	}
	for _, name := range CommandTypes(t, ".") {
		if !tried[name] {
			t.Errorf("command %s is in no row", name)
		}
	}
}

// CommandTypes reads an aggregate's source, in a folder, for the names of what implements its sealed Command interface.
func CommandTypes(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, file.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "command" {
				names = append(names, fmt.Sprint(f.Recv.List[0].Type))
			}
		}
	}
	return names
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	return names
}

func sameNames(t *testing.T, what string, inTable, given []string) {
	t.Helper()
	for _, name := range inTable {
		if !slices.Contains(given, name) {
			t.Errorf("%s %q is in the table but not given", what, name)
		}
	}
	for _, name := range given {
		if !slices.Contains(inTable, name) {
			t.Errorf("%s %q is given but not in the table", what, name)
		}
	}
}
