package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// The program as it is started: it prints where to connect, works, and ends when it is told to.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-listen", "127.0.0.1:0", "-nodes", "2", "-data", t.TempDir()}, in, io.Discard)
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err, <-ended)
	}
	config, err := esdb.ParseConnectionString(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	config.Logger = esdb.NoopLogging()
	c, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.AppendToStream(ctx, "s", esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, esdb.EventData{EventType: "e", ContentType: esdb.ContentTypeJson, Data: []byte("{}")})
	if err != nil {
		t.Error(err)
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("it goes on")
	}
}

func TestFlags(t *testing.T) {
	var help strings.Builder
	if err := run(context.Background(), []string{"-h"}, &help, io.Discard); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-max-append-size") {
		t.Error(err, help.String())
	}
	for _, args := range [][]string{{"extra"}, {"-tls-cert", "x"}, {"-tls-cert", "x", "-tls-key", "y"}, {"-nodes", "0"}, {"-listen", "nowhere"}} {
		if err := run(context.Background(), args, io.Discard, io.Discard); err == nil {
			t.Error(args)
		}
	}
}
