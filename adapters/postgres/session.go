package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// sessionSettings are what every session of ours has, whatever role, database and server say: all that the outcome of a statement or the
// promise of a commit depends on. What only speed depends on is the administrator's. A setting that the server does not know is left out.
var sessionSettings = map[string]string{
	// What a transaction sees, and what its commit promises.
	"default_transaction_isolation":  "read committed",
	"default_transaction_deferrable": "off",
	"synchronous_commit":             "on", // remote_apply, which promises more, stays
	"session_replication_role":       "origin",

	// Who keeps others waiting has a limit in its own transaction. One from outside would end a rebuild or an export in the middle.
	"statement_timeout":                   "0",
	"lock_timeout":                        "0",
	"idle_in_transaction_session_timeout": "0",
	"idle_session_timeout":                "0",
	"transaction_timeout":                 "0", // since 17
	"exit_on_error":                       "off",

	// What names, values and queries mean.
	"search_path":                      `"$user", public`,
	"client_encoding":                  "UTF8",
	"timezone":                         "UTC",
	"datestyle":                        "ISO, MDY",
	"intervalstyle":                    "postgres",
	"extra_float_digits":               "1",
	"bytea_output":                     "hex",
	"array_nulls":                      "on",
	"standard_conforming_strings":      "on",
	"quote_all_identifiers":            "off",
	"transform_null_equals":            "off",
	"gin_fuzzy_search_limit":           "0", // another answers with some of the rows
	"restrict_nonsystem_relation_kind": "",  // since 17
	"plan_cache_mode":                  "auto",

	// What parallel workers share is in /dev/shm: a container has little of it, and a query, a migration or the last minute of a rebuild
	// fails when it is used up.
	"max_parallel_workers_per_gather":  "0",
	"max_parallel_maintenance_workers": "0",
}

// applicationName is what sessions are called in pg_stat_activity, unless the connection string has another name for them.
const applicationName = "waybill"

// Configure has every connection that is made with config, or with a copy of it, be a session that Waybill can rely on. All settings are
// sent after connecting: a pooler takes none that it does not know with the connection itself. CheckConnection tells which connection
// strings this would overrule.
func Configure(config *pgx.ConnConfig) {
	settings := maps.Clone(config.RuntimeParams)
	if settings == nil {
		settings = map[string]string{}
	}
	if settings["application_name"] == "" {
		settings["application_name"] = applicationName
	}
	config.RuntimeParams = map[string]string{"application_name": settings["application_name"]}
	if text, ok := settings["options"]; ok {
		delete(settings, "options")
		if options, ok := parseOptions(text); ok {
			maps.Copy(settings, options)
		} else {
			config.RuntimeParams["options"] = text
		}
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	if config.StatementCacheCapacity < 1 {
		config.StatementCacheCapacity = statements
	}
	if config.ValidateConnect == nil && severalServers(&config.Config) {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary // and not whichever answers first
	}
	before := config.AfterConnect
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if before != nil {
			if err := before(ctx, conn); err != nil {
				return err
			}
		}
		return settle(ctx, conn, settings)
	}
}

// statements is how many prepared ones a session keeps when nothing is said: as many as pgx would by itself.
const statements = 512

// settle gives a new session its settings, ours and then the given ones. Behind a pooler it may be one that somebody else has left.
func settle(ctx context.Context, conn *pgconn.PgConn, given map[string]string) error {
	begun, err := set(ctx, conn, given)
	if err != nil {
		return err
	}
	if begun.backend != conn.PID() { // whoever had it may have left statements, locks, temporary tables and settings
		if err := conn.Exec(ctx, `DISCARD ALL`).Close(); err != nil {
			return fmt.Errorf("clean a session of the pooler: %w", err)
		}
		if begun, err = set(ctx, conn, given); err != nil {
			return err
		}
	}
	if begun.encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, which lacks characters: make it anew, with ENCODING 'UTF8'", begun.encoding)
	}
	return nil
}

// begun is what a session is like.
type begun struct {
	backend  uint32
	encoding string
}

// set sets what is not as it should be, but for what closes a database to writers (default_transaction_read_only): that is how an
// administrator freezes it, and reads go on; nothing needs a right that a role has not, unless an administrator has made it differ.
const setSQL = `
select pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_encoding'),
	(select pg_catalog.count(pg_catalog.set_config(key, value, false)) from (
		select key, value from pg_catalog.json_each_text($1)
		where pg_catalog.current_setting(key, true) <> value
			and (key <> 'synchronous_commit' or pg_catalog.current_setting(key) <> 'remote_apply')
		union all select key, value from pg_catalog.json_each_text($2)) s)`

func set(ctx context.Context, conn *pgconn.PgConn, given map[string]string) (is begun, err error) {
	ours, err := json.Marshal(sessionSettings)
	if err != nil {
		return is, err
	}
	if given == nil {
		given = map[string]string{} // and not null
	}
	theirs, err := json.Marshal(given)
	if err != nil {
		return is, err
	}
	result := conn.ExecParams(ctx, setSQL, [][]byte{ours, theirs}, nil, nil, nil).Read()
	if refused, ok := errors.AsType[*pgconn.PgError](result.Err); ok && refused.Code == missingRight {
		return is, fmt.Errorf("the role or the database is set up with a setting that Waybill needs otherwise and may not change "+
			"(ALTER ROLE … RESET or ALTER DATABASE … RESET it): %w", refused)
	}
	if result.Err != nil {
		return is, fmt.Errorf("settings of the session: %w", result.Err)
	}
	if len(result.Rows) != 1 || len(result.Rows[0]) != 3 {
		return is, errors.New("settings of the session: an answer of another form")
	}
	row := result.Rows[0]
	_, err = fmt.Sscan(string(row[0]), &is.backend)
	is.encoding = string(row[1])
	return is, err
}

// parseOptions reads the settings in a connection string's options, as in -c geqo=off; false when there is anything else in it.
func parseOptions(text string) (map[string]string, bool) {
	settings := map[string]string{}
	words := optionWords(text)
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "-c" && i+1 < len(words):
			i++
			word = words[i]
		case strings.HasPrefix(word, "--"):
			word = word[2:]
		case strings.HasPrefix(word, "-c") && len(word) > 2:
			word = word[2:]
		default:
			return nil, false
		}
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, false
		}
		settings[strings.ReplaceAll(name, "-", "_")] = value
	}
	return settings, true
}

// optionWords splits as the server does: at spaces, unless a backslash is before them.
func optionWords(text string) []string {
	var words []string
	var word strings.Builder
	begun := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
			continue
		case c == '\\' && i+1 < len(text):
			i++
			c = text[i]
		}
		word.WriteByte(c)
		begun = true
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

// severalServers reports whether a connection string names more than one; one of them with and without TLS is one.
func severalServers(c *pgconn.Config) bool {
	return slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.Host != c.Host || f.Port != c.Port })
}
