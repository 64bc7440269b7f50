package eventstoredb

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// Config says which EventStoreDB, and how the store uses it.
type Config struct {
	// ConnectionString is esdb://host:port, esdb://a:2113,b:2113,c:2113 or esdb+discover://name, each with settings. Check
	// says what is wrong with one.
	ConnectionString string
	// Prefix is put before the name of every stream, so that several logs share one server; events of other streams are not
	// seen. Letters, digits, '_' and '.' only; empty for none.
	Prefix string
	// Timeout is how long one attempt at a call may take; the connection string's defaultDeadline, or 5 s, when zero.
	Timeout time.Duration
	// Logger is told of lost and found nodes; nil for nobody.
	Logger *slog.Logger
	// Observe is called after each append that was sent; it must be quick and safe for concurrent use. Nil for nobody.
	Observe func(Appended)
}

// Appended is what one call of Append did.
type Appended struct {
	Events int
	// Took is the time from the call to its outcome, attempts and pauses included.
	Took time.Duration
	// Err is nil when the events are stored; a conflict is no error here.
	Err error
}

const standardTimeout = 5 * time.Second

// settings are all that the client knows, by lower-case name. Each says what is wrong with a value, or nothing.
var settings = map[string]func(value string) string{
	"tls":                 oneOf("true", "false"),
	"tlsverifycert":       oneOf("true", "false"),
	"tlscafile":           certificates,
	"usercertfile":        readable,
	"userkeyfile":         readable,
	"nodepreference":      leader,
	"maxdiscoverattempts": whole(1, 1000, "attempts"),
	"discoveryinterval":   whole(1, 60_000, "milliseconds"),
	"gossiptimeout":       whole(1, 60, "seconds"),
	"keepaliveinterval":   wholeOrOff(10_000, 3_600_000),
	"keepalivetimeout":    wholeOrOff(1, 3_600_000),
	"defaultdeadline":     whole(1, 600_000, "milliseconds, without a unit"),
}

// Check reports every mistake in a connection string at once: those that the client would report one by one, and those
// that it would pass over in silence. No password is repeated.
func Check(connectionString string) error {
	var found mistakes
	scheme, rest, ok := strings.Cut(connectionString, "://")
	if !ok || scheme != "esdb" && scheme != "esdb+discover" {
		found.add("it must begin with esdb:// or esdb+discover://")
		return errors.Join(found...)
	}
	rest, query, _ := strings.Cut(rest, "?")
	if strings.Contains(query, "@") {
		// A question mark in the password: what follows it is no setting, and must not be repeated.
		found.add("special characters in the credentials and settings must be percent-encoded, such as %%3F for ? and %%40 for @")
		return errors.Join(found...)
	}
	credentials := ""
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		credentials, rest = rest[:at], rest[at+1:]
	}
	hosts, path, _ := strings.Cut(rest, "/")
	if path != "" {
		found.add("a path means nothing here") // not repeated: without its @ it could be of a password
	}
	nodes := strings.Split(hosts, ",")
	for i, node := range nodes {
		found.addIf(fmt.Sprintf("node %d", i+1), badNode(node)) // not repeated: without its @ it could be a password
	}
	if scheme == "esdb+discover" && len(nodes) > 1 {
		found.add("esdb+discover takes one name that DNS resolves to all nodes; name several nodes with esdb://")
	}
	given := found.settings(query)
	found.credentials(credentials, given["tls"] == "false", len(nodes) > 1 && strings.Contains(credentials, ","))
	if (given["usercertfile"] == "") != (given["userkeyfile"] == "") {
		found.add("userCertFile and userKeyFile are given together or not at all")
	} else if given["usercertfile"] != "" && len(found) == 0 {
		if _, err := tls.LoadX509KeyPair(given["usercertfile"], given["userkeyfile"]); err != nil {
			found.add("userCertFile and userKeyFile are not a certificate and its key: %v", err)
		}
	}
	if len(found) == 0 {
		if _, err := parse(connectionString); err != nil {
			found.add("%v", err)
		}
	}
	return errors.Join(found...)
}

// parse has the client read the string. Its message can repeat a password or a part of it, so it is left out.
func parse(connectionString string) (*esdb.Configuration, error) {
	config, err := esdb.ParseConnectionString(connectionString)
	if err != nil {
		return nil, errors.New("the client cannot read it; special characters in the credentials must be percent-encoded, " +
			"such as %40 for @")
	}
	return config, nil
}

type mistakes []error

func (m *mistakes) add(format string, args ...any) { *m = append(*m, fmt.Errorf(format, args...)) }

func (m *mistakes) addIf(what, wrong string) {
	if wrong != "" {
		m.add("%s: %s", what, wrong)
	}
}

// settings checks the part after the question mark and returns the values by lower-case name.
func (m *mistakes) settings(query string) map[string]string {
	given := map[string]string{}
	for _, pair := range strings.Split(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if text, err := url.QueryUnescape(value); err == nil {
			value = text
		} else {
			m.add("%s: %v", name, err)
		}
		key := strings.ToLower(name)
		wrong, known := settings[key]
		switch _, twice := given[key]; {
		case !known:
			m.add("%s is no setting of this client", name)
		case twice:
			m.add("%s is given twice", name)
		default:
			m.addIf(name+"="+value, wrong(value))
		}
		if key == "tls" || key == "tlsverifycert" {
			value = strings.ToLower(value)
		}
		given[key] = value
	}
	return given
}

func (m *mistakes) credentials(credentials string, plain, unescaped bool) {
	if credentials == "" {
		return
	}
	user, password, _ := strings.Cut(credentials, ":")
	if user == "" || password == "" {
		m.add("credentials need a name and a password, name:password@ (the client ignores them otherwise)")
	}
	if unescaped || strings.ContainsAny(credentials, "/") {
		m.add("special characters in the credentials must be percent-encoded")
	}
	if plain {
		m.add("credentials with tls=false would never be sent: use TLS, or give none")
	}
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func badNode(node string) string {
	host, port, given := strings.Cut(node, ":")
	if _, err := netip.ParseAddr(strings.Trim(node, "[]")); err == nil && strings.Contains(node, ":") || strings.HasPrefix(node, "[") {
		return "the client takes no IPv6 addresses; use a name"
	}
	if node == "" || !hostName.MatchString(host) {
		return "a node is host or host:port"
	}
	if n, err := strconv.Atoi(port); given && (err != nil || n < 1 || n > 65535) {
		return "a port is a number from 1 to 65535"
	}
	return ""
}

func oneOf(values ...string) func(string) string {
	return func(v string) string {
		if slices.Contains(values, strings.ToLower(v)) {
			return ""
		}
		return "want " + strings.Join(values, " or ")
	}
}

func whole(least, most int, unit string) func(string) string {
	return func(v string) string {
		if n, err := strconv.Atoi(v); err == nil && n >= least && n <= most {
			return ""
		}
		return fmt.Sprintf("want a whole number from %d to %d (%s)", least, most, unit)
	}
}

func wholeOrOff(least, most int) func(string) string {
	number := whole(least, most, "milliseconds; -1 for none")
	return func(v string) string {
		if v == "-1" {
			return ""
		}
		return number(v)
	}
}

// leader keeps reads where the writes are: a command decided on what a follower has not heard of yet is decided in vain.
func leader(v string) string {
	if strings.EqualFold(v, "leader") {
		return ""
	}
	return "only leader: Waybill reads what it has just written"
}

func readable(path string) string {
	if _, err := os.ReadFile(path); err != nil {
		return err.Error()
	}
	return ""
}

func certificates(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return "no certificate in it"
	}
	return ""
}

var prefixForm = regexp.MustCompile(`^[A-Za-z0-9_.]{0,64}$`)

// CheckPrefix reports what is wrong with a stream prefix.
func CheckPrefix(prefix string) error {
	if !prefixForm.MatchString(prefix) {
		return errors.New("a stream prefix is at most 64 letters, digits, '_' and '.'")
	}
	return nil
}
