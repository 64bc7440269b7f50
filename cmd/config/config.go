// Package config is everything that the environment can say to Waybill.
package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/eventstoredb"
	"waybill/domain/claim"
	"waybill/domain/webhook"
)

// Config is what was configured. README.md has a table of the variables.
type Config struct {
	Addr string // host:port to serve on
	// AddrGiven is false when Addr is the standard one.
	AddrGiven bool
	// DatabaseURL is empty for an embedded PostgreSQL. DatabaseEmpty says that it was set all the same.
	DatabaseURL   string
	DatabaseEmpty bool
	// ReadDatabaseURL names a standby of it, for queries; empty for none.
	ReadDatabaseURL string
	// EventStore is "postgres", for the same database, or an EventStoreDB's connection string.
	EventStore string
	// EventStorePrefix is that of the streams in whichever EventStoreDB is opened, also one that the command line names.
	EventStorePrefix string
	DataDir          string // absolute; the embedded PostgreSQL keeps its data below it, and so do images when nothing else is said
	Node             string // this node's name in leases and logs
	MaxConns         int32  // of each pool
	// WaitForRead is how long a read that names a position waits for its read model.
	WaitForRead time.Duration
	// StopTimeout is how long a stop waits for requests under way.
	StopTimeout time.Duration
	// TokenMaxTTL is the most that a bearer token may live.
	TokenMaxTTL time.Duration
	// TokenKeep is for how long the rows of tokens are kept that have ended.
	TokenKeep time.Duration
	// ClaimLease is for how long a reviewer's claim on a case holds, from claim.MinLease to claim.MaxLease.
	ClaimLease time.Duration
	// SecondApprover says that two persons have to approve an application.
	SecondApprover bool
	// Webhooks are what is allowed of the addresses of webhooks.
	Webhooks webhook.Rules
	// Migrate says that a server brings the database's tables up to date before it serves.
	Migrate bool
	// Unknown are variables that are set and look like Waybill's, and that this version does not read.
	Unknown []string
	Surface
	Media

	logLevel slog.Level
	logJSON  bool
}

// Load reads the environment by getenv, which is empty for what is not set, and reports every mistake in it at once. No error
// repeats what may hold a password. set are the names of all variables that are set, Waybill's or not: one that is a slip for
// a variable of Waybill's is a mistake. White space around a value is not of it.
func Load(getenv func(string) string, set ...string) (Config, error) {
	e := environment{given: getenv, checked: map[string]bool{}}
	getenv = e.getenv
	c := Config{
		Unknown:     e.names(set),
		Addr:        e.address("WAYBILL_ADDR", "127.0.0.1:8080"),
		AddrGiven:   getenv("WAYBILL_ADDR") != "",
		DatabaseURL: getenv("DATABASE_URL"),
		EventStore:  e.text("WAYBILL_EVENTSTORE", "postgres"),
		DataDir:     e.text("WAYBILL_DATA_DIR", "var"),
		Node:        e.text("WAYBILL_NODE", defaultNode()),
		MaxConns:    int32(e.number("WAYBILL_DB_MAX_CONNS", 24, 8, 1000)), //nolint:gosec // bounded just here
		WaitForRead: e.duration("WAYBILL_READ_WAIT", 2*time.Second),
		StopTimeout: e.duration("WAYBILL_STOP_TIMEOUT", 10*time.Second),
		TokenMaxTTL: e.duration("WAYBILL_TOKEN_MAX_TTL", 90*24*time.Hour),
		TokenKeep:   e.duration("WAYBILL_TOKEN_KEEP", 90*24*time.Hour),
		ClaimLease:  e.duration("WAYBILL_CLAIM_LEASE", claim.DefaultLease),

		SecondApprover:   e.flag("WAYBILL_SECOND_APPROVER", false),
		Webhooks:         e.webhooks(),
		Migrate:          e.flag("WAYBILL_MIGRATE", true),
		ReadDatabaseURL:  getenv("WAYBILL_READ_DATABASE_URL"),
		EventStorePrefix: getenv("WAYBILL_EVENTSTORE_PREFIX"),
	}
	if c.DatabaseURL != "" {
		if err := CheckDatabase(c.DatabaseURL); err != nil {
			e.mistake("DATABASE_URL", "(hidden)", strings.ReplaceAll(err.Error(), "\n", ", and "))
		}
	}
	if c.ClaimLease < claim.MinLease || c.ClaimLease > claim.MaxLease {
		e.mistake("WAYBILL_CLAIM_LEASE", getenv("WAYBILL_CLAIM_LEASE"), "a duration from 1m to 24h")
	}
	c.Surface = e.surface()
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
	if c.DataDir[0] == '~' || c.DataDir[0] == '$' {
		e.mistake("WAYBILL_DATA_DIR", c.DataDir, "the folder itself: only a shell knows what ~ and $ stand for (./"+c.DataDir+
			" is a folder so called)")
	}
	if dir, err := filepath.Abs(c.DataDir); err == nil {
		c.DataDir = dir
	}
	c.Media = e.media(c.DataDir)
	e.noLog(set)
	c.DatabaseEmpty = e.empty(set, "DATABASE_URL")
	e.garbage()
	return c, errors.Join(e.mistakes...)
}

// CheckLog refuses a prefix for a log that can have none. It is no mistake of the environment itself: `waybill copy` is told of one for
// the EventStoreDB on its command line, while the nodes' log is still in PostgreSQL.
func (c Config) CheckLog() error {
	if c.EventStore != "postgres" || c.EventStorePrefix == "" {
		return nil
	}
	return fmt.Errorf("WAYBILL_EVENTSTORE_PREFIX=%s: want nothing while the log is in PostgreSQL: only an EventStoreDB can hold "+
		"several logs. Set WAYBILL_EVENTSTORE to it, or take the prefix away", c.EventStorePrefix)
}

// Logger writes to a place, which is usually standard error, in the form and from the level that were configured.
func (c Config) Logger(to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel}
	if c.logJSON {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
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
	given    func(string) string
	checked  map[string]bool // names whose value was looked at
	mistakes []error
}

func (e *environment) mistake(name, value, want string) {
	e.mistakes = append(e.mistakes, fmt.Errorf("%s=%s: want %s", name, value, want))
}

// eventStore names everything that is wrong with the connection string, which is never repeated: it can hold a password.
func (e *environment) eventStore(c Config) {
	const want = `"postgres" (in DATABASE_URL's database) or an EventStoreDB, such as esdb://host:2113`
	if err := eventstoredb.CheckPrefix(c.EventStorePrefix); err != nil {
		e.mistake("WAYBILL_EVENTSTORE_PREFIX", c.EventStorePrefix, err.Error())
	}
	switch scheme, _, isURL := strings.Cut(c.EventStore, "://"); {
	case c.EventStore == "postgres":
	case !isURL:
		e.mistake("WAYBILL_EVENTSTORE", "(hidden)", want)
	case scheme != "esdb" && scheme != "esdb+discover":
		e.mistake("WAYBILL_EVENTSTORE", scheme+"://…", want)
	default:
		if err := eventstoredb.Check(c.EventStore); err != nil {
			e.mistake("WAYBILL_EVENTSTORE", "(hidden)", want+". In this one:\n\t"+strings.ReplaceAll(err.Error(), "\n", "\n\t"))
		}
	}
}

// readDatabase checks WAYBILL_READ_DATABASE_URL. It must name one server: a reader waits for what that one shows.
func (e *environment) readDatabase(c Config) {
	if c.ReadDatabaseURL == "" {
		return
	}
	const name, hidden = "WAYBILL_READ_DATABASE_URL", "(hidden)"
	parsed, err := pgxpool.ParseConfig(c.ReadDatabaseURL)
	if wrong := checkDatabase(c.ReadDatabaseURL, true); wrong != nil {
		err = wrong
	}
	switch {
	case err != nil:
		e.mistake(name, hidden, strings.ReplaceAll(err.Error(), "\n", ", and "))
	case hosts(&parsed.ConnConfig.Config) > 1:
		e.mistake(name, hidden, "a single host: what one replica shows says nothing about another")
	case c.DatabaseURL == "":
		e.mistake(name, hidden, "DATABASE_URL too: the database that it is a replica of")
	}
}

// hosts counts the servers that a connection string names; one of them with and without TLS is one.
func hosts(c *pgconn.Config) int {
	type server struct {
		host string
		port uint16
	}
	all := map[server]bool{{c.Host, c.Port}: true}
	for _, f := range c.Fallbacks {
		all[server{f.Host, f.Port}] = true
	}
	return len(all)
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

func (e *environment) flag(name string, standard bool) bool {
	switch v := e.getenv(name); v {
	case "":
	case "true", "false":
		return v == "true"
	default:
		e.mistake(name, v, "true or false")
	}
	return standard
}

func (e *environment) duration(name string, standard time.Duration) time.Duration {
	v := e.getenv(name)
	if v == "" {
		return standard
	}
	d, err := ParseDuration(v)
	if err != nil || d <= 0 {
		e.mistake(name, v, `a duration, such as "2s", "500ms" or "90d"`)
		return standard
	}
	return d
}
