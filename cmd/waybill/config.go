package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
)

// config is everything the environment can say. README.md has the same table.
type config struct {
	addr        string
	addrGiven   bool
	databaseURL string
	// readDatabaseURL names a standby of it, for queries; empty for none.
	readDatabaseURL string
	// eventStore is "postgres", for the same database, or an EventStoreDB's connection string.
	eventStore       string
	eventStorePrefix string
	dataDir          string
	node             string
	logLevel         slog.Level
	logJSON          bool
	maxConns         int32
	waitForRead      time.Duration
	stopTimeout      time.Duration
}

// loadConfig reads the environment and reports every mistake in it at once.
func loadConfig(getenv func(string) string) (config, error) {
	e := environment{getenv: getenv}
	c := config{
		addr:        e.text("WAYBILL_ADDR", "127.0.0.1:8080"),
		addrGiven:   getenv("WAYBILL_ADDR") != "",
		databaseURL: getenv("DATABASE_URL"),
		eventStore:  e.text("WAYBILL_EVENTSTORE", "postgres"),
		dataDir:     e.text("WAYBILL_DATA_DIR", "var"),
		node:        e.text("WAYBILL_NODE", defaultNode()),
		maxConns:    int32(e.number("WAYBILL_DB_MAX_CONNS", 24, 8, 1000)), //nolint:gosec // bounded just here
		waitForRead: e.duration("WAYBILL_READ_WAIT", 2*time.Second),
		stopTimeout: e.duration("WAYBILL_STOP_TIMEOUT", 10*time.Second),

		readDatabaseURL:  getenv("WAYBILL_READ_DATABASE_URL"),
		eventStorePrefix: getenv("WAYBILL_EVENTSTORE_PREFIX"),
	}
	if _, _, err := net.SplitHostPort(c.addr); err != nil {
		e.mistake("WAYBILL_ADDR", c.addr, `host:port, such as "127.0.0.1:8080" or ":8080"`)
	}
	if c.databaseURL != "" {
		if _, err := pgxpool.ParseConfig(c.databaseURL); err != nil {
			// The parser's own message can repeat the password.
			e.mistake("DATABASE_URL", "(hidden)", "a PostgreSQL connection string, such as postgres://user:password@host:5432/waybill")
		}
	}
	e.readDatabase(c)
	e.eventStore(c)
	if err := c.logLevel.UnmarshalText([]byte(e.text("WAYBILL_LOG_LEVEL", "info"))); err != nil {
		e.mistake("WAYBILL_LOG_LEVEL", getenv("WAYBILL_LOG_LEVEL"), "debug, info, warn or error")
	}
	switch format := e.text("WAYBILL_LOG_FORMAT", "text"); format {
	case "text", "json":
		c.logJSON = format == "json"
	default:
		e.mistake("WAYBILL_LOG_FORMAT", format, "text or json")
	}
	if dir, err := filepath.Abs(c.dataDir); err == nil {
		c.dataDir = dir
	}
	return c, errors.Join(e.mistakes...)
}

func (c config) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

func defaultNode() string {
	host, err := os.Hostname()
	if err != nil {
		host = "waybill"
	}
	return host + "-" + strconv.Itoa(os.Getpid())
}

// environment reads variables and collects what is wrong with them.
type environment struct {
	getenv   func(string) string
	mistakes []error
}

func (e *environment) mistake(name, value, want string) {
	e.mistakes = append(e.mistakes, fmt.Errorf("%s=%s: want %s", name, value, want))
}

// eventStore names everything that is wrong with the connection string, which is never repeated: it can hold a password.
func (e *environment) eventStore(c config) {
	const want = `"postgres" (in DATABASE_URL's database) or an EventStoreDB, such as esdb://host:2113`
	if err := eventstoredb.CheckPrefix(c.eventStorePrefix); err != nil {
		e.mistake("WAYBILL_EVENTSTORE_PREFIX", c.eventStorePrefix, err.Error())
	}
	switch scheme, _, isURL := strings.Cut(c.eventStore, "://"); {
	case c.eventStore == "postgres":
		if c.eventStorePrefix != "" {
			e.mistake("WAYBILL_EVENTSTORE_PREFIX", c.eventStorePrefix, "nothing: only an EventStoreDB can hold several logs")
		}
	case !isURL:
		e.mistake("WAYBILL_EVENTSTORE", "(hidden)", want)
	case scheme != "esdb" && scheme != "esdb+discover":
		e.mistake("WAYBILL_EVENTSTORE", scheme+"://…", want)
	default:
		if err := eventstoredb.Check(c.eventStore); err != nil {
			e.mistake("WAYBILL_EVENTSTORE", "(hidden)", want+". In this one:\n\t"+strings.ReplaceAll(err.Error(), "\n", "\n\t"))
		}
	}
}

func (e *environment) text(name, standard string) string {
	if v := e.getenv(name); v != "" {
		return v
	}
	return standard
}

func (e *environment) number(name string, standard, least, most int) int {
	v := e.getenv(name)
	if v == "" {
		return standard
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		e.mistake(name, v, fmt.Sprintf("a number from %d to %d", least, most))
		return standard
	}
	return n
}

func (e *environment) duration(name string, standard time.Duration) time.Duration {
	v := e.getenv(name)
	if v == "" {
		return standard
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		e.mistake(name, v, `a duration, such as "2s" or "500ms"`)
		return standard
	}
	return d
}
