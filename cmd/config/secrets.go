package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
)

var errNoDatabase = errors.New("a PostgreSQL connection string, such as postgres://user:password@host:5432/waybill")

// CheckDatabase says what a PostgreSQL connection string ought to be when it is none. A password with a character that is not
// percent-encoded can make a part of it the host, the port or the database, which errors and logs name: that is refused too. The
// text is not repeated. What Waybill does otherwise than a parameter in it says is named.
func CheckDatabase(text string) error { return checkDatabase(text, false) }

func checkDatabase(text string, reading bool) error {
	if scheme, rest, isURL := strings.Cut(text, "://"); isURL && (scheme == "postgres" || scheme == "postgresql") {
		end := len(rest)
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			end = i
		}
		beyond, query, _ := strings.Cut(rest[end:], "?")
		name, _, _ := strings.Cut(query, "=")
		if strings.Count(rest[:end], "@") > 1 || strings.Contains(beyond, "@") ||
			strings.Contains(name, "@") || strings.Contains(query, "#") {
			return errors.New("one with the special characters of its password percent-encoded, such as %2F for / and %40 for @")
		}
	}
	if _, err := pgxpool.ParseConfig(text); err != nil {
		return unparsable(err)
	}
	return postgres.CheckConnection(text, reading)
}

// unparsable says which part of a connection string the parser could not take, where it names one. Its own message can repeat the
// password, so that none of it is passed on.
func unparsable(err error) error {
	for _, of := range []struct{ message, part string }{
		{"failed to configure TLS", "sslmode or a certificate's file"},
		{"invalid connect_timeout", "connect_timeout"},
		{"unknown target_session_attrs value", "target_session_attrs"},
		{"invalid default_query_exec_mode", "default_query_exec_mode"},
		{"invalid statement_cache_capacity", "statement_cache_capacity"},
		{"invalid description_cache_capacity", "description_cache_capacity"},
		{"invalid port", "the port"},
	} {
		// Behind what is repeated of the string, which stands in back quotes.
		if said := err.Error(); strings.Contains(said[strings.LastIndex(said, "`")+1:], of.message) {
			return fmt.Errorf("another value for %s in %w", of.part, errNoDatabase)
		}
	}
	return errNoDatabase
}

// HasPassword reports whether a connection string seems to hold a password, well-formed or not.
func HasPassword(text string) bool {
	if strings.Contains(strings.ToLower(text), "password") { // as a setting
		return true
	}
	_, rest, isURL := strings.Cut(text, "://")
	if !isURL {
		return false
	}
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return false
	}
	_, password, _ := strings.Cut(rest[:at], ":")
	return password != ""
}

var (
	withCredentials = regexp.MustCompile(`([A-Za-z][A-Za-z+.-]*://)\S*@`)
	passwordSetting = regexp.MustCompile(`(?i)(password\s*=\s*)('[^']*'|[^\s&]+)`)
)

// Redact takes credentials out of a text that may hold a connection string.
func Redact(text string) string {
	text = withCredentials.ReplaceAllString(text, "$1…@")
	return passwordSetting.ReplaceAllString(text, "$1…")
}

// Without is the error without any credentials, also those of arguments that it may repeat; the same error when it has none.
func Without(err error, args ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, arg := range args {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = value
		}
		if HasPassword(arg) {
			text = strings.ReplaceAll(text, arg, "(hidden)")
		}
	}
	if text = Redact(text); text == err.Error() {
		return err
	}
	return errors.New(text)
}
