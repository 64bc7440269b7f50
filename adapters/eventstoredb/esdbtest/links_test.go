package esdbtest

import (
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

func TestLinks(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	target, list := fresh("target"), fresh("list")
	put(t, c, target, esdb.NoStream{}, events(3, "e")...)
	setMeta(t, c, target, func(m *esdb.StreamMetadata) { m.SetTruncateBefore(1) })
	link := func(to string) esdb.EventData {
		e := event1("$>")
		e.Data, e.ContentType = []byte(to), esdb.ContentTypeBinary
		return e
	}
	put(t, c, list, esdb.NoStream{}, link("2@"+target), link("0@"+target), link("9@"+target), link("0@nowhere"), link("x@y"), event1("plain"))
	want := []string{"2@" + target + "<0", "nothing<1", "nothing<2", "nothing<3", "4@" + list, "5@" + list}
	check := func(what string, recv func() (*esdb.ResolvedEvent, error)) {
		t.Helper()
		var got []string
		for len(got) < len(want) {
			e, err := recv()
			if err != nil {
				t.Fatal(err)
			}
			if e.OriginalEvent().StreamID != list {
				continue
			}
			g := "nothing"
			if e.Event != nil {
				g = fmt.Sprintf("%d@%s", e.Event.EventNumber, e.Event.StreamID)
			}
			if e.Link != nil {
				g += fmt.Sprint("<", e.Link.EventNumber)
			}
			got = append(got, g)
		}
		equal(t, what, got, want)
	}
	read, err := c.ReadStream(deadline(t), list, esdb.ReadStreamOptions{ResolveLinkTos: true}, 100)
	if err != nil {
		t.Fatal(err)
	}
	check("stream", read.Recv)
	if read, err = c.ReadAll(deadline(t), esdb.ReadAllOptions{From: esdb.Start{}, ResolveLinkTos: true}, 100); err != nil {
		t.Fatal(err)
	}
	check("all", read.Recv)
	sub, err := c.SubscribeToAll(deadline(t), esdb.SubscribeToAllOptions{From: esdb.Start{}, ResolveLinkTos: true})
	if err != nil {
		t.Fatal(err)
	}
	check("subscription", func() (*esdb.ResolvedEvent, error) {
		for {
			e := sub.Recv()
			if e.SubscriptionDropped != nil {
				return nil, e.SubscriptionDropped.Error
			}
			if e.EventAppeared != nil {
				return e.EventAppeared, nil
			}
		}
	})
	if read, err = c.ReadStream(deadline(t), list, esdb.ReadStreamOptions{}, 1); err != nil {
		t.Fatal(err)
	}
	if e, err := read.Recv(); err != nil || e.Link != nil || e.Event.EventType != "$>" {
		t.Error("a link that is not resolved is an event", e, err)
	}
}

func TestFilters(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	put(t, c, "apple-1", esdb.Any{}, event1("red"), event1("green"))
	put(t, c, "pear-1", esdb.Any{}, event1("green"), event1("$odd"))
	expression := func(regex string, prefixes ...string) *streams.ReadReq_Options_FilterOptions_Expression {
		return &streams.ReadReq_Options_FilterOptions_Expression{Regex: regex, Prefix: prefixes}
	}
	byStream := func(e *streams.ReadReq_Options_FilterOptions_Expression) *streams.ReadReq_Options_FilterOptions {
		return &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_StreamIdentifier{StreamIdentifier: e},
			Window: &streams.ReadReq_Options_FilterOptions_Count{Count: &shared.Empty{}},
		}
	}
	byType := func(e *streams.ReadReq_Options_FilterOptions_Expression) *streams.ReadReq_Options_FilterOptions {
		return &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_EventType{EventType: e},
			Window: &streams.ReadReq_Options_FilterOptions_Max{Max: 1},
		}
	}
	for _, tt := range []struct {
		filter *streams.ReadReq_Options_FilterOptions
		want   int
	}{
		{byStream(expression("", "apple-", "none")), 2},
		{byStream(expression("^p.*1$")), 2},
		{byStream(expression("", "$users")), 0}, // an insecure server has none
		{byStream(expression("", "$epoch")), 0}, // never in $all
		{byType(expression("", "g", "r")), 3},
		{byType(expression(`^[^\$].*`)), 3},
		{byType(expression(`^(?!\$).*`)), 3},
		{byType(expression("green", "ignored")), 2},
		{byType(expression("")), 0},
	} {
		for _, backwards := range []bool{false, true} {
			req := allOptions("start")
			if backwards {
				req = allOptions("end")
				req.Options.ReadDirection = streams.ReadReq_Options_Backwards
			}
			req.Options.FilterOption = &streams.ReadReq_Options_Filter{Filter: tt.filter}
			got, err := collect(raw(t, s).Read(deadline(t), req))
			if err != nil || len(got) != tt.want {
				t.Errorf("%v: %v %v, want %d", tt.filter, kinds(got), err, tt.want)
			}
		}
	}
	req := allOptions("start")
	req.Options.FilterOption = &streams.ReadReq_Options_Filter{Filter: byType(expression("("))}
	if _, err := collect(raw(t, s).Read(deadline(t), req)); err == nil {
		t.Error("no regular expression")
	}
}
