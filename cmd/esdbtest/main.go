// Command esdbtest runs the package of that name by itself: an EventStoreDB for a laptop, or for the test suite of some client.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"waybill/adapters/eventstoredb/esdbtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "esdbtest:", err)
		os.Exit(1)
	}
}

const usage = `A server that speaks EventStoreDB's gRPC protocol: streams, $all, subscriptions, server features and gossip.
Without -data everything is in memory and gone at the end. With a certificate, connections are encrypted and
callers need credentials: admin with the password changeit, unless -insecure-users says that nobody does.
It prints the connection string on standard output, logs to standard error, and stops on SIGINT or SIGTERM.

`

// run is the whole program, so that tests can run it.
func run(ctx context.Context, args []string, out, logs io.Writer) error {
	flags := flag.NewFlagSet("esdbtest", flag.ContinueOnError)
	flags.SetOutput(out)
	listen := flags.String("listen", "127.0.0.1:2113", "`host:port` to listen on; the first of several with -nodes")
	advertise := flags.String("advertise", "", "`host` that clients are told, when it is not the one listened on")
	data := flags.String("data", "", "`folder` to keep the log in")
	version := flags.String("version", esdbtest.DefaultVersion, "server version to report, three integers")
	maxAppend := flags.Int("max-append-size", esdbtest.DefaultMaxAppendBytes, "`bytes` that one append may have")
	maxEvent := flags.Int("max-append-event-size", 0, "`bytes` that one event of an append may have; 0 for no limit")
	cert := flags.String("tls-cert", "", "`file` with the certificate, PEM")
	key := flags.String("tls-key", "", "`file` with its key, PEM")
	noUsers := flags.Bool("insecure-users", false, "with a certificate, let everybody do everything all the same")
	nodes := flags.Int("nodes", 1, "`number` of nodes of a cluster, on consecutive ports; the first is the leader")
	verbose := flags.Bool("v", false, "log every call that fails")
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	options := esdbtest.Options{
		Listen: *listen, Advertise: *advertise, Version: *version, MaxAppendBytes: *maxAppend,
		MaxEventBytes: *maxEvent, Data: *data,
		Logger: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: level})),
	}
	if (*cert == "") != (*key == "") {
		return errors.New("-tls-cert and -tls-key go together")
	}
	if *cert != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			return err
		}
		options.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		if !*noUsers {
			options.Users = map[string]string{"admin": "changeit", "ops": "changeit"}
		}
	}
	cluster, err := esdbtest.NewCluster(*nodes, options)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, cluster.ConnectionString())
	<-ctx.Done()
	return cluster.Close()
}
