package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Variables are the names of all variables that Waybill reads. README.md has a table of them.
var Variables = []string{
	"DATABASE_URL",
	"WAYBILL_ADDR", "WAYBILL_ADMIN_ADDR", "WAYBILL_CLAIM_LEASE", "WAYBILL_DATA_DIR", "WAYBILL_DB_MAX_CONNS", "WAYBILL_EVENTSTORE",
	"WAYBILL_EVENTSTORE_PREFIX", "WAYBILL_FEED_READERS", "WAYBILL_IMAGE_POLICIES", "WAYBILL_LOG_FORMAT", "WAYBILL_LOG_LEVEL",
	"WAYBILL_MEDIA", "WAYBILL_MEDIA_DAILY_BYTES", "WAYBILL_MEDIA_DAILY_IMAGES", "WAYBILL_MIGRATE", "WAYBILL_NODE",
	"WAYBILL_READ_DATABASE_URL", "WAYBILL_READ_WAIT", "WAYBILL_READ_WAITERS", "WAYBILL_SECOND_APPROVER", "WAYBILL_STOP_TIMEOUT",
	"WAYBILL_TLS_CERT", "WAYBILL_TLS_KEY", "WAYBILL_TOKEN_KEEP", "WAYBILL_TOKEN_MAX_TTL", "WAYBILL_TRUSTED_PROXIES",
	"WAYBILL_WEBHOOK_HTTP", "WAYBILL_WEBHOOK_PRIVATE",
}

// elsewhere are variables that Go, the embedded PostgreSQL and the programs around Waybill read: right, but not configuration.
var elsewhere = []string{
	"GOGC", "GOMEMLIMIT", // of Go itself
	"WAYBILL_POSTGRES_BINARIES",        // where the embedded PostgreSQL's programs are
	"WAYBILL_CHAOS",                    // of the tests
	"WAYBILL_PASSWORD", "WAYBILL_PORT", // of docs/deploy/eventstoredb/users.sh and of docker-compose.yml
}

// forTests is what the names of other variables of the tests begin with.
var forTests = []string{"WAYBILL_TEST_", "WAYBILL_PGTEST_", "WAYBILL_EMBEDDED_TEST_"}

// ofServices are the variables that Kubernetes gives to every container for a service whose name begins with "waybill".
var ofServices = regexp.MustCompile(`^WAYBILL[A-Z0-9_]*_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|` +
	`PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// misnamed are names that others use for what Waybill calls otherwise.
var misnamed = map[string]string{
	"WAYBILLDATABASEURL": "DATABASE_URL", "WAYBILLDATABASE": "DATABASE_URL", "WAYBILLDBURL": "DATABASE_URL",
	"READDATABASEURL": "WAYBILL_READ_DATABASE_URL", "WAYBILLREPLICAURL": "WAYBILL_READ_DATABASE_URL",
	"WAYBILLPREFIX": "WAYBILL_EVENTSTORE_PREFIX", "WAYBILLESDB": "WAYBILL_EVENTSTORE", "WAYBILLESDBURL": "WAYBILL_EVENTSTORE",
	"WAYBILLEVENTSTOREURL": "WAYBILL_EVENTSTORE", "WAYBILLEVENTSTOREURI": "WAYBILL_EVENTSTORE", "WAYBILLEVENTSTOREDB": "WAYBILL_EVENTSTORE",
}

// meant is the variable that a name is a slip for: it differs by a letter at most, two that changed places, or in "_" and case. It is
// empty for a name that is right, or far from all.
func meant(name string) string {
	if slices.Contains(Variables, name) || slices.Contains(elsewhere, name) || ofServices.MatchString(name) {
		return ""
	}
	folded := fold(name)
	if known := misnamed[folded]; known != "" {
		return known
	}
	const short = 8 // GOGC and the like are near to too much
	for _, known := range slices.Concat(Variables, elsewhere) {
		if len(known) >= short && near(folded, fold(known)) {
			return known
		}
	}
	return ""
}

// fold is a name without its case, its width, what parts its words and what cannot be seen, such as the mark that some editors put at the
// beginning of a file.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToUpper(r)
		}
		return -1
	}, norm.NFKC.String(name))
}

// near reports whether two names are the same but for one letter that is missing, surplus or another, or two that changed places.
func near(one, other string) bool {
	a, b := []rune(one), []rune(other)
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return slices.Equal(a[i:], b[i+1:])
	}
	switch {
	case i == len(a), slices.Equal(a[i+1:], b[i+1:]):
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && slices.Equal(a[i+2:], b[i+2:])
}

// names checks the names of variables that are set. What is a slip for a known one is a mistake; what else looks as if it were for
// Waybill is returned: a newer version's, perhaps. Another's variable that is only near is left alone where the known one is set too.
func (e *environment) names(set []string) (unknown []string) {
	for _, name := range set {
		known := meant(name)
		waybills := strings.HasPrefix(fold(name), "WAYBILL")
		switch {
		case known != "" && (waybills || !slices.Contains(set, known)):
			e.mistakes = append(e.mistakes, fmt.Errorf("%s is no variable of Waybill, and nobody would read it: is %s meant?",
				printableName(name), known))
		case known == "" && strings.HasPrefix(fold(name), "WAYBILL") && !isKnown(name):
			unknown = append(unknown, printableName(name))
		}
	}
	slices.Sort(unknown)
	return unknown
}

func isKnown(name string) bool {
	return slices.Contains(Variables, name) || slices.Contains(elsewhere, name) || ofServices.MatchString(name) ||
		slices.ContainsFunc(forTests, func(begins string) bool { return strings.HasPrefix(name, begins) })
}

// printableName keeps what is no name out of errors and logs, and shows what only looks like another letter, or cannot be seen.
func printableName(name string) string {
	const most = 60
	if len(name) > most {
		name = name[:most] + "…"
	}
	if strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f }) < 0 {
		return name
	}
	quoted := strconv.QuoteToASCII(name)
	return quoted[1 : len(quoted)-1]
}

// Names are the names in an environment such as os.Environ.
func Names(environ []string) []string {
	var all []string
	for _, pair := range environ {
		if name, _, ok := strings.Cut(pair, "="); ok && name != "" {
			all = append(all, name)
		}
	}
	return all
}
