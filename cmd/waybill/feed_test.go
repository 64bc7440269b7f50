package main

import (
	"bufio"
	"context"
	nethttp "net/http"
	"strings"
	"testing"
)

// TestFeedFromAReplica: whoever follows the feed of a node that reads from a standby is told at once of what the standby shows, also after
// it was away, and keeps no node from stopping.
func TestFeedFromAReplica(t *testing.T) {
	t.Parallel()
	r := newReplicated(t)
	r.ready()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	last := ""
	open := func() (*bufio.Scanner, func()) {
		request, err := nethttp.NewRequestWithContext(ctx, "GET", r.node.url+"/api/v1/events?as=provider", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+r.token)
		request.Header.Set("Accept", "text/event-stream")
		if last != "" {
			request.Header.Set("Last-Event-ID", last)
		}
		response, err := nethttp.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != 200 {
			_ = response.Body.Close()
			return nil, func() {}
		}
		return bufio.NewScanner(response.Body), func() { _ = response.Body.Close() }
	}
	next := func(lines *bufio.Scanner, want string) {
		t.Helper()
		for lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				last = id
			}
			if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				if event != want {
					t.Errorf("got %s, want %s", event, want)
				}
				return
			}
		}
		t.Fatalf("the stream ended: %v; want %s", lines.Err(), want)
	}
	lines, end := open()
	r.write("POST", "海南省三亚市一号")
	next(lines, "provider-applied.v1")
	r.write("PUT", "海南省三亚市二号")
	next(lines, "provider-revised.v1")
	r.pg.StopStandby()
	r.write("PUT", "海南省三亚市三号")
	r.pg.StartStandby()
	next(lines, "provider-revised.v1") // the stream has waited
	end()
	eventually(t, "the feed again", func() bool {
		lines, end = open()
		return lines != nil
	})
	defer end()
	r.write("PUT", "海南省三亚市四号")
	next(lines, "provider-revised.v1")
	r.node.interrupt()
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event: ") {
			t.Errorf("got %s", lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end by itself: %v", err)
	}
}
